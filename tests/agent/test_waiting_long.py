"""Runs that wait for their user while time passes and processes come and go."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from pathlib import Path

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.agent import ChatRequest, ContextAgent, default_engine
from tailrace.errors import (
    ConflictError,
    InputExpiredError,
    StoreError,
)
from tailrace.events.event import JSON, StreamEvent
from tailrace.events.types import EventType
from tailrace.nodes import RunScope, write
from tailrace.nodes.executor import ExecutorNode
from tailrace.settings import Settings
from tailrace.state.state import WorkflowState
from tailrace.stores.base import RunState
from tailrace.stores.conversations import MessageStatus
from tailrace.testing.agents import scripted_agent
from tailrace.testing.clock import FakeClock
from tailrace.testing.model_script import classify_as

from .waiting import (
    ANSWER,
    TOLD,
    VAGUE,
    WAITS,
    agent_at,
    asking_run,
    new_conversation,
    standing,
    text_of,
    until_asked,
    whole,
)


async def test_a_waiting_run_outlives_the_process_and_goes_on_in_the_next(tmp_path: Path) -> None:
    async with agent_at(tmp_path) as (agent, _):
        run_id, asked = await asking_run(agent, conversation_id=await new_conversation(agent))
        viewer = agent.watch(run_id)
        seen = [await anext(viewer) for _ in range(asked_at(agent, run_id))]
        await agent.shut_down()
        assert [event async for event in viewer] == []
        assert not seen[-1].is_terminal
    async with agent_at(tmp_path) as (agent, _):
        assert await standing(agent, run_id) == WAITS
        assert (await agent.get_state(run_id))["input"] == asked.to_dict()
        watching = asyncio.ensure_future(whole(agent, run_id))
        await agent.resume(run_id, TOLD, request_id=asked.request_id)
        events = await watching
        assert events[: len(seen)] == seen
        assert text_of(events) == ANSWER
        assert await standing(agent, run_id) == (RunState.COMPLETED, MessageStatus.COMPLETED)
    async with agent_at(tmp_path) as (agent, _):
        await agent.resume(run_id, TOLD, request_id=asked.request_id)
        assert await whole(agent, run_id) == events


def asked_at(agent: ContextAgent, run_id: str) -> int:
    """The seq of the newest event, where a run waits."""
    return agent.states.get(run_id).event_buffer[-1].seq


async def test_a_process_that_stops_takes_no_more_answers(tmp_path: Path) -> None:
    async with agent_at(tmp_path) as (agent, _):
        run_id, _ = await asking_run(agent)
        await agent.shut_down()
        with pytest.raises(StoreError, match="stopping"):
            await agent.resume(run_id, TOLD)


async def test_a_run_that_nobody_answers_expires(tmp_path: Path) -> None:
    async with agent_at(tmp_path, Settings(input_timeout_s=0.01)) as (agent, _):
        run = await agent.start(
            ChatRequest(
                query=VAGUE, interactive=True, conversation_id=await new_conversation(agent)
            )
        )
        events = await whole(agent, run.run_id)
        expect_expired(events)
        assert await standing(agent, run.run_id) == (RunState.FAILED, MessageStatus.FAILED)
        assert len(agent.states) == 0


def expect_expired(events: Sequence[StreamEvent]) -> None:
    error = events[-1].metadata["error"]
    assert isinstance(error, dict)
    assert (events[-2].type, events[-1].type) == (EventType.INPUT_REQUIRED, EventType.FAIL)
    assert (events[-1].metadata["outcome"], error["code"]) == ("expired", "input_expired")


async def test_an_answer_after_its_time_is_refused_and_the_run_ends_as_expired(
    tmp_path: Path,
) -> None:
    clock = FakeClock()
    async with agent_at(tmp_path, clock=clock) as (agent, _):
        run_id, _ = await asking_run(agent)
        clock.advance(timedelta(days=7).total_seconds())
        with pytest.raises(InputExpiredError, match=r"2026-01-08 00:00 UTC.*ask again"):
            await agent.resume(run_id, TOLD)
        with pytest.raises(InputExpiredError):
            await agent.resume(run_id, TOLD)
        expect_expired(await whole(agent, run_id))


@pytest.mark.parametrize(("away_days", "expires"), [(6.9, False), (7.1, True)])
async def test_what_has_expired_while_no_process_ran_ends_at_the_next_start(
    tmp_path: Path, away_days: float, *, expires: bool
) -> None:
    clock = FakeClock()
    async with agent_at(tmp_path, clock=clock) as (agent, _):
        run_id, _ = await asking_run(agent)
    clock.advance(timedelta(days=away_days).total_seconds())
    async with agent_at(tmp_path, clock=clock) as (agent, _):
        if expires:
            expect_expired(await whole(agent, run_id))
        else:
            await agent.resume(run_id, TOLD)
            assert text_of(await whole(agent, run_id)) == ANSWER


class AskingNode(ExecutorNode):
    """Somebody's own node, which asks twice, each time with answers to choose from."""

    async def process(self, state: WorkflowState, scope: RunScope) -> WorkflowState:
        """Ask for a crop and a field, then answer."""
        asked = len(state.query.inputs)
        if asked < 2:
            options = [("wheat", "rye"), ("upper", "lower")][asked]
            await self.ask(state, scope, "Which one?", options=options)
            return state
        said = ", ".join(each.text for each in state.query.inputs)
        await write(self, scope, f"{said} from {len(state.contexts.items)} passages")
        await self.end(state, scope, "Done")
        return state


async def test_a_node_of_ones_own_asks_as_often_as_it_needs_across_processes(
    tmp_path: Path,
) -> None:
    script = classify_as("qa_analysis", fields={"enhanced_query": "harbour budget"})
    engine = default_engine(AskingNode())

    async def asked_after(run_id: str, text: str) -> tuple[str, JSON]:
        """The run, and what it may be answered with once `text` was said; to its end if need be."""
        async with (
            asyncio.timeout(30),
            scripted_agent(tmp_path, script, engine=engine) as (agent, _),
        ):
            if run_id:
                await agent.resume(run_id, text)
            else:
                request = ChatRequest(query=text, interactive=True)
                run_id = (await agent.start(request)).run_id
            waits_for = (await agent.passed(run_id)).get("input")
            if isinstance(waits_for, dict):
                return run_id, waits_for["options"]
            return text_of(await whole(agent, run_id)), None

    run_id, crops = await asked_after("", "How is the harbour budget?")
    _, fields = await asked_after(run_id, "rye")
    text, _ = await asked_after(run_id, "a third")
    assert (crops, fields) == (["wheat", "rye"], ["upper", "lower"])
    assert text == "rye, a third from 1 passages"


STEPS = ["right", "right", "wrong", "stale", "cancel", "restart", "watch"]


@given(st.lists(st.sampled_from(STEPS), max_size=6), st.integers(0, 3))
@hypothesis.settings(max_examples=25)
async def test_whatever_happens_to_a_waiting_run_its_log_is_whole_and_ends_once(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str], together: int
) -> None:
    """The first `together` steps are taken at once, the others one after another."""
    home = tmp_path_factory.mktemp("home")
    async with AsyncExitStack() as first:
        agent, _ = await first.enter_async_context(agent_at(home))
        run_id, asked = await asking_run(agent, conversation_id=await new_conversation(agent))

        async def take(step: str) -> None:
            match step:
                case "cancel":
                    await agent.cancel(run_id)
                case "watch":
                    await until_asked(agent, run_id)
                case _:
                    text = "Another" if step == "wrong" else TOLD
                    request_id = "stale" if step == "stale" else asked.request_id
                    with suppress(ConflictError):
                        await agent.resume(run_id, text, request_id=request_id)

        at_once = [step for step in steps[:together] if step != "restart"]
        await asyncio.gather(*map(take, at_once))
        for step in steps[together:]:
            if step == "restart":
                await first.aclose()
                agent, _ = await first.enter_async_context(agent_at(home))
            else:
                await take(step)
        if agent.states and "input" in await agent.get_state(run_id):
            await agent.resume(run_id, TOLD)
        events = await whole(agent, run_id)
        given = [event.metadata["input"] for event in events if "input" in event.metadata]
        run = await agent.parts.store.get_run(run_id, "")
        message = (await agent.parts.store.list_messages(run.conversation_id or 0, ""))[1]
        assert len(given) <= 1
        assert (run.attempts, run.last_seq) == (1, len(events))
        assert (message.content, message.status.value) == (text_of(events), run.state.value)
        if run.state is RunState.COMPLETED:
            assert given
            assert text_of(events) == ANSWER
