"""D27 to D37: defects of the clients, as far as a server can spare a person their effect."""

import asyncio
import dataclasses
import re
from collections.abc import Sequence

import pytest

from tailrace.events.types import EventType, NodeType, Outcome, WorkflowStage
from tailrace.nodes.base import BaseNode
from tailrace.nodes.scope import RunScope
from tailrace.nodes.telling import write
from tailrace.state.state import WorkflowState
from tailrace.testing.model_script import ChatRequest, Fault, Reply
from tailrace.workflow.engine import WorkflowEngine

from .client import DesktopClient, PageClient
from .disk import Disk
from .screens import Frame, said
from .served import CHAT, QUESTION, Serve, knowing

BUDGET = "What is the budget of the harbour plan?"
PART = ["One ", "two ", "three"]


def types(frames: Sequence[Frame]) -> list[object]:
    return [frame["type"] for frame in frames]


async def test_d27_no_stream_ends_with_a_frame_its_client_does_not_understand(
    serve: "Serve",
) -> None:
    known = {
        "Fail": (CHAT, Reply(chunks=PART, fault=Fault.cut(2))),
        "Stop": (CHAT, Reply(chunks=PART, fault=Fault.stall(2))),
    }
    async with asyncio.timeout(20), serve(knowing(known)) as (_, _, http):
        failed = DesktopClient(http)
        await failed.send("Fail")
        assert types(failed.frames)[-2:] == ["completed", "fail"]
        assert failed.screen.error == failed.frames[-1]["content"]
        stopped = DesktopClient(http)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(stopped.send("Stop"))
            await stopped.until(lambda: stopped.screen.bubble == "One two ")
            await stopped.stop()
        assert types(stopped.frames)[-2:] == ["interrupted", "stream_complete"]
        assert "error" not in types(failed.frames + stopped.frames)
        for client in (failed, stopped):
            assert said(client.screen.messages)[1] == ("assistant", "One two ")


async def test_d28_a_disk_that_fails_for_a_while_still_leaves_a_stream_that_ends(
    serve: "Serve",
) -> None:
    async def gate(sent: int) -> None:
        if sent == 2:
            await at_two.wait()

    at_two = asyncio.Event()
    script = knowing({"Count": (CHAT, Reply(chunks=PART, before_chunk=gate))})
    with Disk() as disk:
        async with asyncio.timeout(40), serve(script) as (_, _, http):
            client = DesktopClient(http)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(client.send("Count"))
                await client.until(lambda: client.screen.bubble == "One two ")
                disk.refusals = 4  # of the word and of the end, each tried again at once
                at_two.set()
            assert disk.refusals == 0
            assert types(client.frames)[-2:] == ["completed", "fail"]
            assert said(await client.stored()) == said(client.screen.messages)
            assert said(client.screen.messages)[1] == ("assistant", "One two ")


@pytest.mark.parametrize("text", ["", " \n\n "])
@pytest.mark.parametrize("intent", [CHAT, QUESTION])
async def test_d29_an_empty_answer_never_makes_a_status_line_the_answer(
    serve: "Serve", intent: str, text: str
) -> None:
    script = knowing({BUDGET: (intent, Reply(chunks=[text]))})
    async with asyncio.timeout(20), serve(script) as (_, _, http):
        client, page = DesktopClient(http), PageClient(http)
        for each in (client, page):
            await each.send(BUDGET)
            assert said(each.screen.messages) == [("user", BUDGET)]
        assert client.screen.error
        assert page.screen.errors == [client.screen.error]
        assert said(await client.stored()) == [("user", BUDGET)]


class TalkativeNode(BaseNode):
    """Says what it is doing in the middle of its answer."""

    type = NodeType.INTENT
    stage = WorkflowStage.INTENT_ANALYSIS
    title = "Talking"

    async def process(self, state: WorkflowState, scope: RunScope) -> WorkflowState:
        await write(self, scope, "One ")
        await self.say(scope, EventType.THINKING, "Still thinking")
        await self.say(scope, EventType.RUNNING, "Still at work")
        await write(self, scope, "two")
        await self.end(state, scope, "Done")
        state.outcome = Outcome.ANSWERED
        return state


async def test_d30_no_status_follows_the_first_words_whatever_a_node_says(serve: "Serve") -> None:
    async with asyncio.timeout(20), serve(Reply()) as (agent, _, http):
        engine = WorkflowEngine({WorkflowStage.INTENT_ANALYSIS: TalkativeNode()})
        agent.parts = dataclasses.replace(agent.parts, engine=engine)
        client = DesktopClient(http)
        await client.send("Hello")
        kinds = types(client.frames)
        assert not {"thinking", "running"} & {*kinds[kinds.index("stream_chunk") :]}
        assert said(client.screen.messages) == [("user", "Hello"), ("assistant", "One two")]


async def test_d31_a_reopened_conversation_is_continued_whatever_its_client_remembers(
    serve: "Serve",
) -> None:
    known = {name: (CHAT, Reply(f"{name} to you.")) for name in ("Hello", "Bye", "Again")}
    async with asyncio.timeout(20), serve(knowing(known)) as (_, model, http):
        first, second = DesktopClient(http), DesktopClient(http)
        await first.send("Hello")
        second.conversation_id = first.conversation_id  # and nothing of what was said
        await second.send("Bye")
        assert "Hello to you." in model.requests[-1].chat.contents
        third = DesktopClient(http)
        assert first.conversation_id is not None
        await third.open(first.conversation_id)
        third.conversation_id = None  # as the original: the rows go into a new conversation
        await third.send("Again")
        assert third.screen.error is None
        assert "Hello to you." in model.requests[-1].chat.contents
        assert said(await third.stored()) == [("user", "Again"), ("assistant", "Again to you.")]
        assert len(await first.stored()) == 4


async def test_d32_a_question_that_is_sent_again_is_told_once(serve: "Serve") -> None:
    replies = iter([Reply(fault=Fault.http_status(500)), Reply("Hello.")])
    known = {"Hello": (CHAT, Reply("Hello."))}
    classify = knowing(known)
    assert callable(classify)

    def script(request: ChatRequest) -> Reply:
        return classify(request) if request.schema is not None else next(replies)

    async with asyncio.timeout(20), serve(script) as (_, model, http):
        client = DesktopClient(http)
        await client.send("Hello")
        assert client.screen.error
        await client.send("Hello")
        assert client.screen.error is None
        assert model.requests[-1].chat.text.count("Hello") == 1


async def test_d32_the_same_request_under_the_same_key_is_one_turn(serve: "Serve") -> None:
    async with asyncio.timeout(20), serve(knowing({"Hello": (CHAT, Reply("Hello."))})) as served:
        client = DesktopClient(served.http)
        await client.send("Hello")
        body = client.request("Once more, Hello")
        answers = [
            await served.http.post(
                "/api/agent/chat/stream", json=body, headers={"idempotency-key": "turn-2"}
            )
            for _ in range(2)
        ]
        assert answers[0].content == answers[1].content
        assert len(await client.stored()) == 4


async def test_d33_a_stop_of_the_previous_message_touches_neither_turn(serve: "Serve") -> None:
    go_on = asyncio.Event()

    async def gate(_sent: int) -> None:
        await go_on.wait()

    known = {
        "Hello": (CHAT, Reply("Hello.")),
        "Count": (CHAT, Reply(chunks=PART, before_chunk=gate)),
    }
    async with asyncio.timeout(20), serve(knowing(known)) as (_, model, http):
        client = DesktopClient(http)
        await client.send("Hello")
        before, previous = await client.stored(), client.screen.message_id
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(client.send("Count"))
            await model.wait_for_request(4)
            answer = await http.post(f"/api/agent/chat/messages/{previous}/interrupt")
            assert answer.json() == {"message_id": str(previous)}
            go_on.set()
        rows = await client.stored()
        assert rows[:2] == before
        assert said(rows) == said(client.screen.messages)
        assert said(rows)[3] == ("assistant", "".join(PART))


async def test_d34_a_history_of_whole_rows_is_taken_and_only_its_newest_words_told(
    serve: "Serve",
) -> None:
    known = {"Hello": (CHAT, Reply("Words, " * 200)), "Bye": (CHAT, Reply("Bye."))}
    async with asyncio.timeout(30), serve(knowing(known)) as (_, model, http):
        client = DesktopClient(http)
        for _ in range(12):
            await client.send("Hello")
        assert client.conversation_id is not None
        await client.open(client.conversation_id)
        await client.send("Bye")
        assert said(client.screen.messages)[-1] == ("assistant", "Bye.")
        told = model.requests[-1].chat.text
        assert 0 < told.count("Words, " * 200) < 12
        assert [word for word in ("thinking", "metadata", "token_count") if word in told] == []


async def test_d35_the_whole_answer_is_said_once_more_before_the_end(serve: "Serve") -> None:
    async with asyncio.timeout(20), serve(knowing({"Hello": (CHAT, Reply("Hello."))})) as served:
        client = PageClient(served.http)
        await client.send("Hello")
        assert [(frame["type"], frame.get("content")) for frame in client.frames[-2:]] == [
            ("completed", "Hello."),
            ("stream_complete", ""),
        ]
        assert said(client.screen.messages) == [("user", "Hello"), ("assistant", "Hello.")]


async def test_d36_a_page_without_a_conversation_is_told_by_its_own_history(serve: "Serve") -> None:
    known = {"Hello": (CHAT, Reply("Hello to you.")), "Bye": (CHAT, Reply("Bye."))}
    async with asyncio.timeout(20), serve(knowing(known)) as (_, model, http):
        client = PageClient(http)
        await client.send("Hello")
        session = client.screen.session_id
        await client.send("Bye")
        told = model.requests[-1].chat.contents
        assert told[-3:] == ["Hello", "Hello to you.", "Bye"]
        assert session
        assert client.screen.session_id == session


async def test_d37_a_page_is_told_to_run_nothing_but_its_own_files(serve: "Serve") -> None:
    async with asyncio.timeout(20), serve(Reply()) as (_, _, http):
        for path in ("/", "/plain"):
            page = await http.get(path)
            policy = dict(
                directive.split(maxsplit=1)
                for directive in page.headers["content-security-policy"].split("; ")
            )
            assert (policy["default-src"], policy["script-src"]) == ("'none'", "'self'")
            assert "unsafe" not in page.headers["content-security-policy"]
            assert re.findall(r"""(?:src|href)=["'](?:https?:)?//""", page.text) == []
            assert re.findall(r"<script(?![^>]*\ssrc=)", page.text) == []
