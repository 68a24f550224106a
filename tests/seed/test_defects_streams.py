"""D2 to D8: streams that hang, leak into the next or die with their viewer. D1 is held by
`test_conversation`.
"""

import asyncio
import dataclasses
import json
from collections.abc import Mapping

import pytest

from tailrace.errors import StoreError
from tailrace.llm.base import Delta
from tailrace.nodes.scope import RunScope
from tailrace.state.state import WorkflowState
from tailrace.testing.agents import PLAN
from tailrace.testing.model_script import Reply
from tailrace.wire.sse import SSEDecoder
from tailrace.workflow.engine import WorkflowEngine

from .client import DesktopClient
from .screens import said
from .served import CHAT, QUESTION, Saying, Serve, knowing, take_model

STREAM = "/api/agent/chat/stream"
UNKNOWN = "Who won the football championship of Brazil?"


class Gate:
    """Lets a model say so many chunks, and the rest once it is opened."""

    def __init__(self, chunks: int) -> None:
        self.reached = asyncio.Event()
        self.opened = asyncio.Event()
        self._chunks = chunks

    async def before_chunk(self, sent: int) -> None:
        """A reply's `before_chunk`."""
        if sent == self._chunks:
            self.reached.set()
            await self.opened.wait()


@pytest.mark.parametrize("documents", [PLAN, {}], ids=["other documents", "no documents"])
async def test_d02_a_stream_ends_where_the_context_is_insufficient(
    serve: "Serve", documents: Mapping[str, str]
) -> None:
    script = knowing({UNKNOWN: (QUESTION, Reply("I made this up."))})
    async with asyncio.timeout(20), serve(script, documents) as (_, _, http):
        client = DesktopClient(http)
        await client.send(UNKNOWN)
        (question, answer), rows = said(client.screen.messages), await client.stored()
        assert question == ("user", UNKNOWN)
        assert "I made this up." not in answer[1]
        assert client.frames[-1]["metadata"]["outcome"] == "insufficient_context"
        assert (said(rows)[1], rows[1]["status"]) == (answer, "completed")


async def test_d04_a_run_nobody_reads_says_far_more_than_any_buffer_holds(serve: "Serve") -> None:
    deltas = [Delta(reasoning="r"), Delta(text="t")] * 3_000
    async with asyncio.timeout(40), serve(Reply()) as (agent, _, http):
        take_model(agent, Saying(deltas))
        for _ in range(2):
            answer = (await http.post("/api/agent/chat", json={"query": "Go on"})).json()
            assert answer["execution"]["outputs"] == ["t" * 3_000]


async def test_d05_a_stop_stops_the_model_and_nothing_of_it_is_in_the_next_answer(
    serve: "Serve",
) -> None:
    gate = Gate(6)
    tokens = [f"{number} " for number in range(60)]
    script = knowing(
        {
            "Count": (CHAT, Reply(chunks=tokens, before_chunk=gate.before_chunk)),
            "Stop": (CHAT, Reply("I have stopped.")),
        }
    )
    async with asyncio.timeout(20), serve(script) as (_, model, http), asyncio.TaskGroup() as tasks:
        client = DesktopClient(http)
        tasks.create_task(client.send("Count"))
        await client.until(lambda: client.screen.bubble == "0 1 2 3 4 5 ")
        await client.stop()
        await model.requests[-1].disconnected.wait()  # though it was about to go on
        assert model.requests[-1].chunks_sent == 6
        await client.send("Stop")
        assert said(await client.stored()) == said(client.screen.messages)
        assert said(client.screen.messages) == [
            ("user", "Count"),
            ("assistant", "0 1 2 3 4 5 "),
            ("user", "Stop"),
            ("assistant", "I have stopped."),
        ]


async def test_d06_a_viewer_that_leaves_loses_nothing_and_rejoins_where_it_was(
    serve: "Serve",
) -> None:
    gate, decoder = Gate(3), SSEDecoder()
    tokens = [f"{number} " for number in range(8)]
    script = knowing({"Count": (CHAT, Reply(chunks=tokens, before_chunk=gate.before_chunk))})
    async with asyncio.timeout(20), serve(script) as (_, _, http):
        made = await http.post("/api/agent/chat/conversations", json={"page_name": "home"})
        body = {"query": "Count", "conversation_id": made.json()["id"]}
        before, run_id = "", ""
        async with http.stream("POST", STREAM, json=body) as response:
            run_id = response.headers["x-run-id"]
            async for piece in response.aiter_raw():
                frames = [json.loads(frame.data) for frame in decoder.feed(piece)]
                before += "".join(f["content"] for f in frames if f["type"] == "stream_chunk")
                if before == "0 1 2 ":
                    break
        gate.opened.set()
        rest = await http.get(
            f"/api/agent/runs/{run_id}/events",
            params={"dialect": "seed"},
            headers={"last-event-id": decoder.last_event_id},
        )
        frames = [json.loads(frame.data) for frame in SSEDecoder().feed(rest.content)]
        after = "".join(f["content"] for f in frames if f["type"] == "stream_chunk")
        assert before + after == "".join(tokens)
        assert frames[-1]["type"] == "stream_complete"
        listed = await http.get(f"/api/agent/chat/conversations/{made.json()['id']}/messages")
        answer = listed.json()[1]
        assert (answer["status"], answer["content"]) == ("completed", "".join(tokens))
        assert [answer["thinking"] != [], answer["metadata"] != "{}"] == [True, True]


class BrokenEngine(WorkflowEngine):
    """An engine that fails before any node is at work."""

    async def execute(self, state: WorkflowState, scope: RunScope) -> WorkflowState:
        msg = f"nothing can be kept of {state.run_id} in {scope.settings.home}"
        raise StoreError(msg)


async def test_d07_a_failure_before_the_first_node_ends_the_stream(serve: "Serve") -> None:
    async with asyncio.timeout(20), serve(Reply()) as (agent, _, http):
        agent.parts = dataclasses.replace(agent.parts, engine=BrokenEngine({}))
        client = DesktopClient(http)
        await client.send("Hello")
        assert client.screen.error
        assert not client.screen.loading
        assert [row["status"] for row in await client.stored()] == ["completed", "failed"]


async def test_d07_a_history_that_is_null_is_none_and_a_malformed_one_is_refused_at_once(
    serve: "Serve",
) -> None:
    script = knowing({"Hello": (CHAT, Reply("Hello."))})
    async with asyncio.timeout(20), serve(script) as (agent, _, http):
        body = {"query": "Hello", "context": {"chat_history": None}}
        streamed = await http.post(STREAM, json=body)
        assert '"type":"stream_complete"' in streamed.text
        for entry in ({"content": "without a role"}, {"role": "user"}, "text", None):
            body = {"query": "Hello", "context": {"chat_history": [entry]}}
            refused = await http.post(STREAM, json=body)
            assert (refused.status_code, [*refused.json()]) == (422, ["detail"])
        assert len(await agent.parts.store.list_runs("", 10, None)) == 1


async def test_d08_a_cancel_by_the_workflow_id_the_stream_tells_ends_the_run(
    serve: "Serve",
) -> None:
    gate = Gate(2)
    tokens = [f"{number} " for number in range(40)]
    script = knowing({"Count": (CHAT, Reply(chunks=tokens, before_chunk=gate.before_chunk))})
    async with asyncio.timeout(20), serve(script) as (_, model, http), asyncio.TaskGroup() as tasks:
        client = DesktopClient(http)
        tasks.create_task(client.send("Count"))
        await client.until(lambda: client.screen.bubble == "0 1 ")
        run_id = client.frames[0]["run_id"]
        done = await http.delete(f"/api/agent/cancel/{run_id}")
        assert done.json() == {"success": True, "message": f"Workflow {run_id} cancelled"}
        await model.requests[-1].disconnected.wait()
        state = (await http.get(f"/api/agent/state/{run_id}")).json()["state"]
        assert (state["stage"], state["success"]) == ("cancelled", False)
        assert said(await client.stored()) == [("user", "Count"), ("assistant", "0 1 ")]
    assert said(client.screen.messages) == [("user", "Count"), ("assistant", "0 1 ")]


async def test_d03_whole_answers_and_trials_leave_nothing_for_the_next_stream(
    serve: "Serve",
) -> None:
    known = {
        name: (CHAT, Reply(f"{name} to you.")) for name in ("Hello", "Morning", "Bye", "Night")
    }
    async with asyncio.timeout(20), serve(knowing(known)) as (_, model, http):
        trial = (await http.get("/api/agent/test")).json()
        assert (trial["success"], len(model.requests)) == (True, 2)
        whole = (await http.post("/api/agent/chat", json={"query": "Morning"})).json()
        assert whole["execution"]["outputs"] == ["Morning to you."]
        client = DesktopClient(http)
        for query in ("Bye", "Night"):
            await client.send(query)
            assert said(client.screen.messages)[-2:] == [
                ("user", query),
                ("assistant", f"{query} to you."),
            ]
        runs = {frame["run_id"] for frame in client.frames if frame["type"] == "session_start"}
        assert len(runs) == 2
