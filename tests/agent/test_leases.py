"""Two workers on one store: each run is one worker's, and another's when that one is gone."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

from tailrace._clock import SYSTEM_CLOCK
from tailrace.agent import ChatRequest, ContextAgent
from tailrace.events.event import StreamEvent
from tailrace.events.fold import RunFold
from tailrace.events.types import EventType, Outcome
from tailrace.settings import Settings
from tailrace.stores.base import RunState
from tailrace.testing.model_script import Fault, Reply, Script, ask_back, classify_as
from tailrace.testing.model_server import ScriptedModelServer
from tailrace.testing.workers import worker_agent

ANSWER = "The quay is built in June."
STALLS = Reply(chunks=["The ", "old "], fault=Fault.stall(1))
LEASE_S = 0.4


class FastClock:
    """A clock that is ahead: for its worker, every lease of the others has ended."""

    def now(self) -> datetime:
        return SYSTEM_CLOCK.now() + timedelta(hours=1)

    def monotonic_s(self) -> float:
        return SYSTEM_CLOCK.monotonic_s()


@asynccontextmanager
async def settings_for(
    home: Path, script: Script, *, max_live_runs: int = 64
) -> AsyncGenerator[tuple[Settings, ScriptedModelServer]]:
    async with asyncio.timeout(30), ScriptedModelServer(script) as model:
        yield (
            Settings(
                home=home,
                llm_url=model.url,
                llm_model="scripted",
                synchronous="NORMAL",
                lease_s=LEASE_S,
                max_live_runs=max_live_runs,
            ),
            model,
        )


async def whole(agent: ContextAgent, run_id: str) -> list[StreamEvent]:
    """The run's events to its end; as a client does, a stream that breaks off is rejoined."""
    events: list[StreamEvent] = []
    while not events or not events[-1].is_terminal:
        after = events[-1].cursor if events else None
        events += [event async for event in agent.watch(run_id, after=after)]
        await asyncio.sleep(0.01)
    return events


def text_of(events: list[StreamEvent]) -> str:
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert [event.is_terminal for event in events].index(True) == len(events) - 1
    fold = RunFold()
    for event in events:
        fold.apply(event)
    return fold.text


async def until(agent: ContextAgent, run_id: str, type_: EventType) -> list[StreamEvent]:
    """The run's events up to the first of that type."""
    seen: list[StreamEvent] = []
    async for event in agent.watch(run_id):
        seen.append(event)
        if event.type is type_:
            break
    return seen


async def test_a_run_is_renewed_so_that_nobody_takes_it(tmp_path: Path) -> None:
    gate = asyncio.Event()

    async def wait(_: int) -> None:
        await gate.wait()

    script = classify_as("simple_chat", Reply(ANSWER, before_chunk=wait))
    async with (
        settings_for(tmp_path, script) as (settings, model),
        worker_agent("one", settings) as one,
        worker_agent("two", settings) as two,
    ):
        run = await one.start(ChatRequest(query="When?"))
        await model.wait_for_request(2)
        await asyncio.sleep(3 * LEASE_S)  # in which nothing may happen
        found = await two.parts.store.lost_runs("two", 10)
        gate.set()
        events = await whole(one, run.run_id)
    assert found.runs == []
    assert found.next_end_s is not None
    assert text_of(events) == ANSWER
    assert {event.epoch for event in events} == {1}


async def test_a_worker_whose_run_was_taken_lets_go_of_it_and_writes_nothing(
    tmp_path: Path,
) -> None:
    script = classify_as("simple_chat", [STALLS, Reply(ANSWER)])
    async with (
        settings_for(tmp_path, script) as (settings, model),
        worker_agent("one", settings) as one,
    ):
        run = await one.start(ChatRequest(query="When?"))
        seen = await until(one, run.run_id, EventType.STREAM_CHUNK)
        async with worker_agent("two", settings, FastClock()) as two:
            rest = [event async for event in one.watch(run.run_id, after=seen[-1].cursor)]
            await model.requests[1].disconnected.wait()
            events = await whole(two, run.run_id)
    assert rest == []
    assert events[: len(seen)] == seen
    assert [event.type for event in events].count(EventType.RETRACT) == 1
    assert {event.epoch for event in events[len(seen) :]} == {2}
    assert text_of(events) == ANSWER


async def test_a_stop_is_a_stop_whichever_worker_hears_it(tmp_path: Path) -> None:
    async with (
        settings_for(tmp_path, classify_as("simple_chat", STALLS)) as (settings, model),
        worker_agent("one", settings) as one,
        worker_agent("two", settings) as two,
    ):
        run = await one.start(ChatRequest(query="When?"))
        await until(one, run.run_id, EventType.STREAM_CHUNK)
        cancelled = await two.cancel(run.run_id)
        await model.requests[1].disconnected.wait()
        again = await one.cancel(run.run_id)
        events = await whole(one, run.run_id)
    assert cancelled.state is RunState.CANCELLED
    assert again == cancelled
    assert (text_of(events), events[-1].metadata["outcome"]) == ("The ", Outcome.CANCELLED)


async def test_a_stop_reaches_a_run_that_another_worker_has_taken(tmp_path: Path) -> None:
    async with (
        settings_for(tmp_path, classify_as("simple_chat", STALLS)) as (settings, _),
        worker_agent("one", settings) as one,
    ):
        run = await one.start(ChatRequest(query="When?"))
        await until(one, run.run_id, EventType.STREAM_CHUNK)
        async with worker_agent("two", settings, FastClock()) as two:
            await until(two, run.run_id, EventType.RETRACT)
            cancelled = await one.cancel(run.run_id)
            events = await whole(two, run.run_id)
    assert cancelled.state is RunState.CANCELLED
    assert events[-1].metadata["outcome"] == Outcome.CANCELLED


async def test_what_a_worker_gives_back_goes_on_at_the_other(tmp_path: Path) -> None:
    script = classify_as("simple_chat", [STALLS, Reply(ANSWER)])
    async with (
        settings_for(tmp_path, script, max_live_runs=1) as (settings, _),
        worker_agent("two", settings) as two,
    ):
        async with worker_agent("one", settings) as one:
            runs = [await one.start(ChatRequest(query="When?")) for _ in range(2)]
            await until(one, runs[0].run_id, EventType.STREAM_CHUNK)
        logs = [await whole(two, run.run_id) for run in runs]
        attempts = [(await two.parts.store.get_run(run.run_id, "")).attempts for run in runs]
    assert [text_of(log) for log in logs] == [ANSWER, ANSWER]
    assert attempts == [1, 1]


async def test_an_answer_may_be_brought_to_any_worker(tmp_path: Path) -> None:
    script = ask_back("Which quay?", "simple_chat", Reply(ANSWER))
    async with (
        settings_for(tmp_path, script) as (settings, _),
        worker_agent("one", settings) as one,
        worker_agent("two", settings) as two,
    ):
        run = await one.start(ChatRequest(query="When?", interactive=True))
        asked = await until(one, run.run_id, EventType.INPUT_REQUIRED)
        waiting = one.watch(run.run_id, after=asked[-1].cursor)
        await two.resume(run.run_id, "The northern one.")
        events = await whole(two, run.run_id)
        assert [event async for event in waiting] == []  # it learns so at its next renewal
    assert text_of(events) == ANSWER
    assert [event.epoch for event in events if event.type is EventType.STREAM_COMPLETE] == [2]
