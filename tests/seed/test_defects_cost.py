"""D13, D14, D22 to D24: what a token, a wait, a viewer and a model call cost.

Everything is counted, nothing timed.
"""

import asyncio
import threading
from contextlib import AsyncExitStack
from typing import cast

import pytest

from tailrace.events.types import EventType
from tailrace.llm.base import Delta
from tailrace.testing.model_script import Fault, Reply
from tailrace.wire.sse import SSEDecoder

from .client import DesktopClient
from .disk import Disk
from .screens import Desktop, LineReader, said
from .served import CHAT, QUESTION, Saying, Serve, knowing, log_of, take_model

ASK = "/api/agent/chat"
BUDGET = "What is the budget of the harbour plan?"
SEARCH = "bm25("


async def test_d13_an_answer_is_written_once_however_long_it_is(serve: "Serve") -> None:
    with Disk() as disk:
        async with asyncio.timeout(20), serve(Reply()) as (agent, _, http):
            for length in (5, 5_000):
                take_model(agent, Saying([Delta(text="word ")] * length, turns=True))
                client = DesktopClient(http)
                before = disk.count("UPDATE messages")
                await client.send("Go on")
                assert said(await client.stored())[1] == ("assistant", "word " * length)
                assert disk.count("UPDATE messages") - before == 2  # it begins, it ends


async def test_d13_what_is_said_while_the_disk_is_busy_is_one_row_in_one_commit(
    serve: "Serve",
) -> None:
    with Disk() as disk:
        commits: list[int] = []

        def begins() -> None:
            disk.hold("COMMIT")
            commits.append(disk.commits)

        model = Saying([Delta(text="word ")] * 500, turns=True, begins=begins, ends=disk.let_go)
        async with asyncio.timeout(20), serve(Reply()) as (agent, _, http):
            take_model(agent, model)
            client = DesktopClient(http)
            await client.send("Go on")
            chunks = [frame for frame in client.frames if frame["type"] == "stream_chunk"]
            assert "".join(chunk["content"] for chunk in chunks) == "word " * 500
            assert len(chunks) <= 2
            assert disk.commits - commits[0] <= 5  # the chunks, usage, the stage's end, the run's


async def test_d14_nothing_of_the_disk_is_done_on_the_event_loop(serve: "Serve") -> None:
    with Disk() as disk:
        script = knowing({BUDGET: (QUESTION, Reply("40,000 euros."))})
        async with asyncio.timeout(20), serve(script) as (_, _, http):
            client = DesktopClient(http)
            await client.send(BUDGET)
            await client.stored()
        assert disk.count(SEARCH) > 0
        assert threading.get_ident() not in {statement.thread for statement in disk.statements}


async def test_d14_while_one_search_is_at_work_others_search_and_answer(serve: "Serve") -> None:
    script = knowing({BUDGET: (QUESTION, Reply("40,000 euros."))})
    with Disk() as disk:
        async with asyncio.timeout(20), serve(script) as (_, _, http):
            disk.hold(SEARCH)
            waiting = asyncio.ensure_future(http.post(ASK, json={"query": BUDGET}))
            await asyncio.to_thread(disk.reached.wait)
            assert (await http.get("/healthz")).status_code == 200
            other = await http.post(ASK, json={"query": BUDGET})
            assert (other.json()["success"], waiting.done()) == (True, False)
            disk.let_go()
            assert (await waiting).json()["success"] is True


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (Reply("Hello."), "answered"),
        (Reply(fault=Fault.http_status(500)), "failed"),
        (Reply(fault=Fault.mute()), "cancelled"),
    ],
)
async def test_d22_a_run_that_has_ended_leaves_nothing_in_memory_and_says_nothing_on_stdout(
    serve: "Serve", capfd: pytest.CaptureFixture[str], reply: Reply, outcome: str
) -> None:
    async with asyncio.timeout(20), serve(knowing({"Hello": (CHAT, reply)})) as served:
        agent, model, http = served
        for number in range(1, 6):
            started = await http.post("/api/agent/runs", json={"query": "Hello"})
            run_id = started.json()["run_id"]
            await model.wait_for_request(2 * number)
            if outcome == "cancelled":
                await http.post(f"/api/agent/runs/{run_id}/cancel")
            await http.get(f"/api/agent/runs/{run_id}/events")
            ended = await agent.cancel(run_id)  # returns once the run is forgotten
            assert ended.outcome is not None
            assert ended.outcome.value == outcome
        assert len(agent.states) == 0
    assert capfd.readouterr().out == ""


def due_by(at_s: float) -> int:
    """How many timers of this event loop go off by then, on its clock."""
    timers = cast("list[asyncio.TimerHandle]", vars(asyncio.get_running_loop())["_scheduled"])
    return sum(not each.cancelled() and each.when() < at_s for each in timers)


async def test_d23_a_viewer_that_waits_wakes_nobody_before_its_heartbeat(serve: "Serve") -> None:
    script = knowing({"Hello": (CHAT, Reply(fault=Fault.mute()))})
    async with asyncio.timeout(20), serve(script, heartbeat_s=10) as (_, model, http):
        started = await http.post("/api/agent/runs", json={"query": "Hello"})
        url = f"/api/agent/runs/{started.json()['run_id']}/events"
        await model.wait_for_request(2)
        soon_s = asyncio.get_running_loop().time() + 5  # one moment, however long this takes
        before = due_by(soon_s)
        async with AsyncExitStack() as viewers:
            for _ in range(20):
                response = await viewers.enter_async_context(http.stream("GET", url))
                pieces = response.aiter_raw()
                viewers.push_async_callback(pieces.aclose)
                decoder, seen = SSEDecoder(), 0
                while seen < 3:  # what the run has said until it asked its model
                    seen += len(decoder.feed(await anext(pieces)))
            assert due_by(soon_s) <= before


async def test_d23_silence_is_filled_with_comments_the_old_clients_pass_over(
    serve: "Serve",
) -> None:
    heard, go_on = bytearray(), asyncio.Event()

    async def gate(_sent: int) -> None:
        await go_on.wait()

    script = knowing({"Hello": (CHAT, Reply("Hello.", before_chunk=gate))})
    async with asyncio.timeout(20), serve(script, heartbeat_s=0.02) as (_, _, http):
        async with http.stream("POST", f"{ASK}/stream", json={"query": "Hello"}) as response:
            async for piece in response.aiter_raw():
                heard += piece
                if heard.count(b"\n:") >= 3:
                    go_on.set()
        screen = Desktop()
        screen.ask("Hello")
        for frame in LineReader().feed(bytes(heard)):
            screen.take(frame)
        assert said(screen.messages) == [("user", "Hello"), ("assistant", "Hello.")]


async def test_d24_one_connection_serves_one_call_after_another(serve: "Serve") -> None:
    script = knowing({"Hello": (CHAT, Reply("Hello."))})
    async with asyncio.timeout(20), serve(script) as (_, model, http):
        for _ in range(3):
            assert (await http.post(ASK, json={"query": "Hello"})).json()["success"] is True
        assert (len(model.requests), model.connections) == (6, 1)


async def test_d24_what_a_reasoning_model_says_of_itself_is_told(serve: "Serve") -> None:
    reply = Reply("Half an", reasoning="Let me think.", finish_reason="length", usage=(50, 7))
    async with asyncio.timeout(20), serve(knowing({"Hello": (CHAT, reply)})) as (_, _, http):
        client = DesktopClient(http)
        await client.send("Hello")
        events = await log_of(http, client.frames[0]["run_id"])
        reasoning = [each for each in events if each.type is EventType.REASONING_CHUNK]
        assert "".join(each.content for each in reasoning) == "Let me think."
        first, last = (each.metadata for each in events if each.type is EventType.USAGE)
        names = ("prompt_tokens", "completion_tokens")
        assert [cast("int", last[n]) - cast("int", first[n]) for n in names] == [50, 7]
        assert (last["source"], events[-1].metadata["usage"]) == ("reported", last)
        done = [frame["content"] for frame in client.frames if frame["type"] == "done"]
        assert any("cut off" in content for content in done)
        assert (await client.stored())[1]["token_count"] == last["completion_tokens"]


@pytest.mark.parametrize("key", ["", "secret"])
async def test_d24_a_key_is_sent_where_there_is_one_and_limits_always(
    serve: "Serve", key: str
) -> None:
    script = knowing({BUDGET: (QUESTION, Reply("40,000 euros."))})
    settings = {"llm_api_key": key, "max_answer_tokens": 123}
    async with asyncio.timeout(20), serve(script, **settings) as (_, model, http):
        assert (await http.post(ASK, json={"query": BUDGET})).json()["success"] is True
        asked = model.requests[-1].chat
        assert asked.headers.get("authorization") == (f"Bearer {key}" if key else None)
        assert (asked.body["max_tokens"], "temperature" in asked.body) == (123, True)
