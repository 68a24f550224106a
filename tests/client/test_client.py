"""The Python client: over a real server, and over a line that goes bad."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import httpx2
import msgspec
import pytest

from tailrace.agent import ContextAgent
from tailrace.client import AsyncClient, Client, IncompleteStreamError
from tailrace.client.following import Following
from tailrace.client.question import Question
from tailrace.errors import ConflictError, NotFoundError, TailraceError, WrongLoopError
from tailrace.events.event import Cursor, StreamEvent
from tailrace.events.fold import RunFold
from tailrace.events.types import Outcome
from tailrace.server.serve import running
from tailrace.settings import Settings
from tailrace.testing.fault_proxy import FaultProxy, Line
from tailrace.testing.model_script import Fault, Reply, Script, classify_as
from tailrace.testing.model_server import ScriptedModelServer

ANSWER = "The boiler is serviced once a year, in May, before the first warm week. " * 20


@asynccontextmanager
async def serving(home: Path, script: Script | None = None) -> AsyncGenerator[str]:
    """The URL of a server whose model says `ANSWER`."""
    async with at_work(home, script) as (_, url):
        yield url


@asynccontextmanager
async def at_work(
    home: Path, script: Script | None = None
) -> AsyncGenerator[tuple[ContextAgent, str]]:
    """The agent and the URL of a server whose model says `ANSWER`."""
    script = classify_as("simple_chat", Reply(text=ANSWER)) if script is None else script
    async with asyncio.timeout(40), ScriptedModelServer(script) as model:
        settings = Settings(home=home, llm_url=model.url, llm_model="scripted", port=0)
        async with ContextAgent.open(settings) as agent, running(agent) as url:
            yield agent, url


def text_of(events: list[StreamEvent]) -> str:
    fold = RunFold()
    for event in events:
        fold.apply(event)
    return fold.text


async def test_a_run_is_started_and_followed_to_its_end(tmp_path: Path) -> None:
    async with serving(tmp_path) as url, AsyncClient(url) as client:
        run_id = await client.start("When is the boiler serviced?")
        events = [event async for event in client.watch(run_id)]
        shown = await client.get(run_id)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert text_of(events) == shown["text"] == ANSWER
    assert events[-1].metadata["outcome"] == Outcome.ANSWERED


@pytest.mark.parametrize("cut_after", [0, 200, 1500])
async def test_whatever_the_line_breaks_off_each_event_comes_once(
    tmp_path: Path, cut_after: int
) -> None:
    bad = [Line(cut_after=cut_after)] * 3
    async with (
        serving(tmp_path) as url,
        FaultProxy(url, *bad, Line(piece_bytes=11)) as proxy,
        AsyncClient(url) as direct,
        AsyncClient(proxy.url) as client,
    ):
        run_id = await direct.start("x")
        events = [event async for event in client.watch(run_id)]
    assert proxy.connections == 4
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert text_of(events) == ANSWER


async def test_a_request_whose_answer_was_lost_starts_one_run_only(tmp_path: Path) -> None:
    async with (
        serving(tmp_path) as url,
        FaultProxy(url, Line(cut_after=20), Line()) as proxy,
        AsyncClient(proxy.url) as client,
    ):
        run_id = await client.start("x")
        events = [event async for event in client.watch(run_id)]
        runs = await client.list_runs()
    assert text_of(events) == ANSWER
    assert [run["run_id"] for run in runs] == [run_id]


async def test_a_run_is_stopped(tmp_path: Path) -> None:
    endless = classify_as("simple_chat", Reply(chunks=["on "], fault=Fault.endless()))
    async with serving(tmp_path, endless) as url, AsyncClient(url) as client:
        run_id = await client.start("Go on")
        events = [event async for event in stopped_at_its_first_word(client, run_id)]
    assert events[-1].metadata["outcome"] == Outcome.CANCELLED
    assert text_of(events).startswith("on ")


async def stopped_at_its_first_word(
    client: AsyncClient, run_id: str
) -> AsyncGenerator[StreamEvent]:
    cancelled = False
    async for event in client.watch(run_id):
        yield event
        if event.metadata.get("index") is not None and not cancelled:
            cancelled = True
            await client.cancel(run_id)


async def test_a_question_says_what_becomes_of_it_once_all_have_left(tmp_path: Path) -> None:
    endless = classify_as("simple_chat", Reply(chunks=["on "], fault=Fault.endless()))
    async with at_work(tmp_path, endless) as (agent, url), AsyncClient(url) as client:
        run_id = await client.start(Question(query="Go on", on_disconnect="cancel"))
        async with aclosing(client.watch(run_id)) as events:
            await anext(events)
        await agent.passed(run_id)
        ended = await client.get(run_id)
    assert ended["outcome"] == Outcome.CANCELLED


async def test_a_question_may_be_refused_beside_another(tmp_path: Path) -> None:
    endless = classify_as("simple_chat", Reply(chunks=["on "], fault=Fault.endless()))
    async with serving(tmp_path, endless) as url, AsyncClient(url) as client:
        async with httpx2.AsyncClient(base_url=url, trust_env=False) as http:
            made = await http.post("/api/agent/chat/conversations", json={"page_name": "home"})
        first = Question(query="Go on", conversation_id=made.json()["id"])
        run_id = await client.start(first)
        with pytest.raises(ConflictError, match="has not ended"):
            await client.start(msgspec.structs.replace(first, on_conflict="reject"))
        await client.cancel(run_id)


async def test_what_the_server_refuses_is_the_error_it_was(tmp_path: Path) -> None:
    async with serving(tmp_path) as url, AsyncClient(url) as client:
        with pytest.raises(NotFoundError):
            await anext(client.watch("nothing"))
        with pytest.raises(NotFoundError):
            await client.start(Question(query="x", conversation_id=99))


async def test_a_server_that_does_not_answer_is_said(tmp_path: Path) -> None:
    async with (
        serving(tmp_path) as url,
        FaultProxy(url, Line(refuse=True)) as proxy,
        AsyncClient(proxy.url) as client,
    ):
        with pytest.raises(TailraceError, match="does not answer"):
            await client.get("x")


def test_without_asyncio_it_is_the_same(tmp_path: Path) -> None:
    with asyncio.Runner() as runner:
        stack = serving(tmp_path)
        url = runner.run(stack.__aenter__())
        try:
            events = runner.run(asyncio.to_thread(follow, url))
        finally:
            runner.run(stack.__aexit__(None, None, None))
    assert text_of(events) == ANSWER


def follow(url: str) -> list[StreamEvent]:
    with Client(url) as client:
        return list(client.watch(client.start("x")))


async def test_without_asyncio_it_refuses_to_block_a_loop() -> None:
    client = Client()
    with pytest.raises(WrongLoopError, match="AsyncClient"):
        client.start("x")
    await asyncio.to_thread(client.close)


def test_a_stream_that_cannot_be_rejoined_is_incomplete() -> None:
    following = Following("r", Cursor(1, 7), max_attempts=3, chance=lambda: 1.0)
    assert [following.wait_s() for _ in range(3)] == [0.5, 1.0, 2.0]
    with pytest.raises(IncompleteStreamError) as raised:
        following.wait_s()
    assert raised.value.cursor == "1-7"


def test_what_the_server_asks_to_wait_is_waited_within_bounds() -> None:
    following = Following("r", chance=lambda: 0.0)
    assert [following.wait_s(each) for each in (None, 3.0, 10_000.0)] == [0.0, 3.0, 60.0]
