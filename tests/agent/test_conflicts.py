"""A second message in a conversation whose run has not ended; and starts that nobody waits for."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest

from tailrace._ids import new_run_id
from tailrace.agent import ChatRequest, ContextAgent
from tailrace.agent.request import OnConflict
from tailrace.errors import ConflictError, TooManyRunsError
from tailrace.events.event import StreamEvent
from tailrace.events.types import EventType
from tailrace.settings import Settings
from tailrace.stores.base import NewRun, RunState
from tailrace.testing.agents import scripted_agent
from tailrace.testing.model_script import ChatRequest as ModelRequest
from tailrace.testing.model_script import Fault, Reply, classify_as

from .waiting import SCRIPT, asking_run, new_conversation, until_asked

STALLS = Reply(chunks=["one ", "two ", "three"], fault=Fault.stall(after=2))


def script(request: ModelRequest) -> Reply:
    """Stalls, but for questions that ask for an answer."""
    return Reply("Done.") if "answer" in request.contents[-1] else STALLS


@asynccontextmanager
async def talking(home: Path) -> AsyncGenerator[tuple[ContextAgent, int]]:
    async with (
        asyncio.timeout(30),
        scripted_agent(home, classify_as("simple_chat", script)) as (agent, _),
    ):
        yield agent, await new_conversation(agent)


async def written(agent: ContextAgent, run_id: str) -> None:
    """Return once the run has written all that it will."""
    async with aclosing(agent.watch(run_id)) as events:
        async for event in events:
            if event.type is EventType.STREAM_CHUNK and "two" in event.content:
                return


async def ends(agent: ContextAgent, *run_ids: str) -> list[tuple[RunState, int]]:
    runs = [await agent.parts.store.get_run(run_id, "") for run_id in run_ids]
    return [(run.state, run.attempts) for run in runs]


async def test_a_run_waits_for_those_before_it_whatever_becomes_of_one_between(
    tmp_path: Path,
) -> None:
    async with talking(tmp_path) as (agent, place):
        first, second, third = [
            (await agent.start(ChatRequest(query=f"{i}?", conversation_id=place))).run_id
            for i in range(3)
        ]
        await written(agent, first)
        await agent.cancel(second)
        other = await agent.process(ChatRequest(query="An answer elsewhere?"))
        assert other["success"] is True
        assert await ends(agent, first, third) == [(RunState.RUNNING, 1), (RunState.QUEUED, 0)]
        await agent.cancel(first)
        await written(agent, third)


async def test_an_interrupting_run_ends_all_before_it_and_tells_their_viewers(
    tmp_path: Path,
) -> None:
    async with talking(tmp_path) as (agent, place):
        before = [
            (await agent.start(ChatRequest(query=f"{i}?", conversation_id=place))).run_id
            for i in range(3)
        ]
        elsewhere = (await agent.start(ChatRequest(query="Elsewhere?"))).run_id
        await written(agent, before[0])

        async def watch(run_id: str) -> list[StreamEvent]:
            return [event async for event in agent.watch(run_id)]

        watching = [asyncio.ensure_future(watch(run_id)) for run_id in before]
        request = ChatRequest(
            query="An answer?", conversation_id=place, on_conflict=OnConflict.INTERRUPT
        )
        run = await agent.start(request)
        cancelled = RunState.CANCELLED
        assert await ends(agent, *before) == [(cancelled, 1), (cancelled, 0), (cancelled, 0)]
        for viewer in watching:
            assert (await viewer)[-1].type is EventType.INTERRUPTED
        events = await watch(run.run_id)
        assert events[-1].metadata["outcome"] == "answered"
        messages = await agent.parts.store.list_messages(place, "")
        assert [message.content for message in messages if message.role == "assistant"] == [
            *("one two ", "", ""),
            "Done.",
        ]
        assert (await ends(agent, elsewhere))[0][0] is RunState.RUNNING


async def test_a_rejecting_run_is_refused_beside_another_and_leaves_nothing(
    tmp_path: Path,
) -> None:
    async with talking(tmp_path) as (agent, place):
        request = ChatRequest(query="Me?", conversation_id=place, on_conflict=OnConflict.REJECT)
        first = await agent.start(request, idempotency_key="key")
        with pytest.raises(ConflictError, match=first.run_id):
            await agent.start(request, idempotency_key="other")
        again = await agent.start(request, idempotency_key="key")
        assert again.run_id == first.run_id
        assert len(await agent.parts.store.list_runs("", 10, None)) == 1
        await agent.cancel(first.run_id)
        assert (await agent.start(request)).state is RunState.QUEUED


async def test_a_run_that_waits_for_its_user_is_in_the_way_of_an_interruption_only(
    tmp_path: Path,
) -> None:
    async with asyncio.timeout(30), scripted_agent(tmp_path, SCRIPT) as (agent, _):
        place = await new_conversation(agent)
        waiting, _ = await asking_run(agent, conversation_id=place)
        alone = ChatRequest(
            query="Me?", conversation_id=place, on_conflict=OnConflict.REJECT, interactive=True
        )
        beside = await agent.start(alone)
        await until_asked(agent, beside.run_id)
        await agent.passed(beside.run_id)
        assert [state for state, _ in await ends(agent, waiting, beside.run_id)] == [
            RunState.WAITING,
            RunState.WAITING,
        ]
        last = ChatRequest(
            query="Rather this", conversation_id=place, on_conflict=OnConflict.INTERRUPT
        )
        await agent.process(last)
        assert [state for state, _ in await ends(agent, waiting, beside.run_id)] == [
            RunState.CANCELLED,
            RunState.CANCELLED,
        ]


async def test_an_interruption_that_a_dead_process_accepted_is_done_by_the_next(
    tmp_path: Path,
) -> None:
    request = ChatRequest(query="An answer?", on_conflict=OnConflict.INTERRUPT)
    async with talking(tmp_path) as (agent, place):
        first = (await agent.start(ChatRequest(query="0?", conversation_id=place))).run_id
        await written(agent, first)
        await agent.shut_down()
        accepted = await agent.parts.store.create(
            NewRun(
                run_id=new_run_id(),
                owner="",
                query=request.query,
                request=request.to_dict(),
                session_id="session",
                conversation_id=place,
                created_at=agent.clock.now(),
            )
        )
    async with talking(tmp_path) as (agent, _):
        events = [event async for event in agent.watch(accepted.run.run_id)]
        assert events[-1].metadata["outcome"] == "answered"
        assert [state for state, _ in await ends(agent, first)] == [RunState.CANCELLED]


async def test_a_run_whose_starter_gives_up_while_it_is_accepted_goes_its_way(
    tmp_path: Path,
) -> None:
    """Otherwise it would lie in the store, and nobody would work on it."""
    settings = Settings(max_live_runs=1, max_queued_runs=0)
    async with (
        asyncio.timeout(30),
        scripted_agent(tmp_path, classify_as("simple_chat", script), settings=settings) as (
            agent,
            _,
        ),
    ):
        starting = asyncio.ensure_future(agent.start(ChatRequest(query="An answer?")))
        await asyncio.sleep(0)
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
        with pytest.raises(TooManyRunsError):
            await agent.start(ChatRequest(query="Another?"))
        while not (runs := await agent.parts.store.list_runs("", 9, None)):
            pass  # each look is a read, in which the write goes on
        events = [event async for event in agent.watch(runs[0].run_id)]
        assert events[-1].metadata["outcome"] == "answered"
