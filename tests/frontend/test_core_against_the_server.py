"""The client library, in Node, holds a whole conversation with the real server."""

import json
from typing import Any, Final

import httpx2

from setup_frontend import FRONTEND
from tailrace.events.ending import content_sha256
from tailrace.testing.model_script import Fault, Reply

from .conftest import Lines, Serve, node, output_of

CONVERSATION: Final = FRONTEND / "packages" / "core" / "tests" / "live" / "conversation.ts"
LINES: Final[Lines] = {
    "Hello!": ("simple_chat", [Reply(chunks=["Hello ", "水🌊"])]),
    "What is the budget of the harbour plan?": (
        "qa_analysis",
        [Reply(chunks=["It is ", "40,000 euros."], reasoning="The plan says it.")],
    ),
    "Who won the football cup of Brazil?": ("qa_analysis", [Reply()]),
    "What does it say about failing harbour plans?": (
        "qa_analysis",
        [Reply(chunks=["It ", "says ", "no"], fault=Fault.cut(2)), Reply(chunks=["All is well."])],
    ),
    "Tell me an endless story": (
        "simple_chat",
        [Reply(chunks=["and then "], chunk_delay_s=0.002, fault=Fault.endless())],
    ),
    "And hello again!": ("simple_chat", [Reply(chunks=["Again."])]),
}


def shown(step: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(m["role"], m["content"], m["status"]) for m in step["messages"]]


async def test_the_client_library_holds_a_whole_conversation(serve: Serve) -> None:
    async with serve(LINES) as served:
        told = json.loads(await output_of(node(), CONVERSATION, served.url))
        steps = {step["step"]: step for step in told}
        path = f"/api/agent/chat/conversations/{steps['stop']['conversationId']}/messages"
        async with httpx2.AsyncClient(base_url=served.url, trust_env=False) as client:
            stored = (await client.get(path)).json()

    assert shown(steps["simple chat"])[-1] == ("assistant", "Hello 水🌊", "completed")
    answer = steps["answer"]["messages"][-1]
    assert answer["content"] == "It is 40,000 euros."
    assert answer["run"]["reasoning"] == "The plan says it."
    assert [source["title"] for source in answer["run"]["sources"]] == ["The harbour plan"]
    assert [visit["stage"] for visit in answer["run"]["stages"]][-1] == "execution"
    assert shown(steps["insufficient"])[-1][2] == "insufficient_context"
    assert shown(steps["failure"])[-1] == ("assistant", "It says ", "failed")
    assert steps["failure"]["error"]["code"] == "model_protocol"
    assert [m[0] for m in shown(steps["retry"])[-3:]] == ["user", "assistant", "assistant"]
    assert shown(steps["retry"])[-1] == ("assistant", "All is well.", "completed")
    stopped = shown(steps["stop"])[-1]
    assert stopped[0::2] == ("assistant", "cancelled")
    assert stopped[1].startswith("and then ")

    # what was followed live and what the server keeps is one and the same
    as_stored = [(m["role"], m["content"], m["status"]) for m in stored]
    as_seen = shown(steps["stop"])
    assert [
        (role, text, status.replace("insufficient_context", "completed"))
        for role, text, status in as_seen
    ] == as_stored[: len(as_seen)]
    assert shown(steps["reopened"]) == as_seen
    assert (
        shown(steps["continued"])[-2:]
        == as_stored[-2:]
        == [
            ("user", "And hello again!", "completed"),
            ("assistant", "Again.", "completed"),
        ]
    )

    for step in told:
        for message in step["messages"]:
            run = message["run"]
            assert run is None or not run["damaged"]
            assert run is None or run["contentSha256"] == content_sha256(message["content"])
    assert steps["old run"]["messages"][3]["run"]["sources"] == answer["run"]["sources"]
