"""Runs that wait for their user: asked, answered, refused, stopped, and out of others' way."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from tailrace.agent import ChatRequest
from tailrace.errors import (
    ConflictError,
    InvalidRequestError,
    NotFoundError,
)
from tailrace.events.types import EventType, NodeType, Outcome, WorkflowStage
from tailrace.settings import Settings
from tailrace.stores.base import RunRow, RunState
from tailrace.stores.conversations import MessageStatus
from tailrace.testing.agents import scripted_agent
from tailrace.testing.clock import FakeClock
from tailrace.testing.model_script import Fault, Reply, ask_back, classify_as

from .waiting import (
    ANSWER,
    ASKED,
    TOLD,
    VAGUE,
    WAITS,
    agent_at,
    asking_run,
    new_conversation,
    standing,
    text_of,
    whole,
)


async def test_a_client_that_can_answer_is_asked_and_the_run_waits(tmp_path: Path) -> None:
    clock = FakeClock()
    async with agent_at(tmp_path, clock=clock) as (agent, model):
        run_id, asked = await asking_run(agent, conversation_id=await new_conversation(agent))
        assert (asked.question, asked.options) == (ASKED, ())
        assert asked.expires_at == clock.now() + timedelta(days=7)
        assert await standing(agent, run_id) == WAITS
        state = await agent.get_state(run_id)
        assert state["input"] == asked.to_dict()
        assert (state["success"], state["stage"]) == (False, "intent_analysis")
        assert len(model.requests) == 1


async def test_the_answer_is_in_the_log_and_the_run_goes_on_with_it(tmp_path: Path) -> None:
    async with agent_at(tmp_path) as (agent, model):
        run_id, asked = await asking_run(agent, conversation_id=await new_conversation(agent))
        await agent.resume(run_id, TOLD, request_id=asked.request_id)
        events = await whole(agent, run_id)
        given = next(event for event in events if event.metadata.get("input") == TOLD)
        assert (given.type, given.stage, given.node, given.epoch) == (
            EventType.DONE,
            WorkflowStage.INTENT_ANALYSIS,
            NodeType.INTENT,
            2,
        )
        assert given.metadata == {"request_id": asked.request_id, "input": TOLD}
        assert [e.epoch for e in events] == [1 if e.seq < given.seq else 2 for e in events]
        assert (text_of(events), events[-1].metadata["outcome"]) == (ANSWER, "answered")
        assert await standing(agent, run_id) == (RunState.COMPLETED, MessageStatus.COMPLETED)
        assert (await agent.parts.store.get_run(run_id, "")).attempts == 1
        classified, answered = (request.chat.text for request in model.requests[1:])
        for told in (classified, answered):
            assert told.index(VAGUE) < told.index(ASKED) < told.index(TOLD)


async def test_without_interactive_the_question_is_the_answer(tmp_path: Path) -> None:
    async with agent_at(tmp_path) as (agent, _):
        run = await agent.start(ChatRequest(query=VAGUE))
        events = await whole(agent, run.run_id)
        assert (text_of(events), events[-1].metadata["outcome"]) == (ASKED, "answered")


async def test_nobody_is_asked_twice(tmp_path: Path) -> None:
    script = classify_as("clarification_needed", Reply(ANSWER), {"question": ASKED})
    async with asyncio.timeout(30), scripted_agent(tmp_path, script) as (agent, _):
        run_id, _ = await asking_run(agent)
        await agent.resume(run_id, TOLD)
        events = await whole(agent, run_id)
        assert [e.type for e in events].count(EventType.INPUT_REQUIRED) == 1
        assert text_of(events) == ANSWER


async def test_a_later_run_of_the_conversation_knows_what_was_asked_and_answered(
    tmp_path: Path,
) -> None:
    async with agent_at(tmp_path) as (agent, model):
        conversation_id = await new_conversation(agent)
        run_id, _ = await asking_run(agent, conversation_id=conversation_id)
        await agent.resume(run_id, TOLD)
        await whole(agent, run_id)
        await agent.process(ChatRequest(query="And the dates?", conversation_id=conversation_id))
        told = model.requests[-1].chat.text
        order = [VAGUE, ASKED, TOLD, ANSWER, "And the dates?"]
        assert sorted(order, key=told.rindex) == order


async def test_the_same_answer_again_changes_nothing_and_another_is_refused(
    tmp_path: Path,
) -> None:
    async with agent_at(tmp_path) as (agent, _):
        run_id, asked = await asking_run(agent)
        for _ in range(2):
            await agent.resume(run_id, TOLD, request_id=asked.request_id)
        events = await whole(agent, run_id)
        await agent.resume(run_id, TOLD, request_id=asked.request_id)
        with pytest.raises(ConflictError, match="another answer"):
            await agent.resume(run_id, "Something else", request_id=asked.request_id)
        with pytest.raises(ConflictError, match=r"has ended \(answered\)\. Ask again"):
            await agent.resume(run_id, "Something else")
        assert await whole(agent, run_id) == events


async def test_of_answers_at_once_one_is_taken(tmp_path: Path) -> None:
    async with agent_at(tmp_path) as (agent, _):
        run_id, asked = await asking_run(agent)
        texts = [f"The plan number {number}" for number in range(8)]
        answers = [agent.resume(run_id, each, request_id=asked.request_id) for each in texts]
        outcomes = await asyncio.gather(*answers, return_exceptions=True)
        events = await whole(agent, run_id)
        taken = [
            text
            for text, outcome in zip(texts, outcomes, strict=True)
            if not isinstance(outcome, ConflictError)
        ]
        assert [e.metadata["input"] for e in events if "input" in e.metadata] == taken
        assert len(taken) == 1


async def test_what_does_not_fit_is_refused_and_the_run_waits_on(tmp_path: Path) -> None:
    settings = Settings(max_query_chars=100)
    async with agent_at(tmp_path, settings) as (agent, _):
        run_id, asked = await asking_run(agent, conversation_id=await new_conversation(agent))
        for text in ("", " \n", "x" * 101):
            with pytest.raises(InvalidRequestError):
                await agent.resume(run_id, text, request_id=asked.request_id)
        with pytest.raises(ConflictError, match="something else"):
            await agent.resume(run_id, TOLD, request_id="another")
        with pytest.raises(NotFoundError):
            await agent.resume(run_id, TOLD, request_id=asked.request_id, owner="bob")
        assert await standing(agent, run_id) == WAITS


async def test_a_run_at_work_takes_no_answer(tmp_path: Path) -> None:
    script = classify_as("simple_chat", Reply(fault=Fault.mute()))
    async with asyncio.timeout(30), scripted_agent(tmp_path, script) as (agent, model):
        run = await agent.start(ChatRequest(query=VAGUE, interactive=True))
        await model.wait_for_request(2)
        with pytest.raises(ConflictError, match=r"at work \(intent_analysis\)\. Watch it"):
            await agent.resume(run.run_id, TOLD)


async def test_a_run_that_never_pauses_for_breath_is_refused_an_answer_and_stopped_at_once(
    tmp_path: Path,
) -> None:
    script = classify_as("simple_chat", Reply(chunks=["word "], fault=Fault.endless()))
    settings = Settings(max_answer_bytes=1 << 30, max_answer_tokens=1 << 30)
    async with scripted_agent(tmp_path, script, settings=settings) as (agent, model):
        run = await agent.start(ChatRequest(query=VAGUE, interactive=True))
        await model.wait_for_request(2)
        async with asyncio.timeout(20):
            for _ in range(20):
                with pytest.raises(ConflictError, match="at work"):
                    await agent.resume(run.run_id, TOLD)
            await agent.shut_down()
        left = await agent.parts.store.get_run(run.run_id, "")
        assert (left.state, left.error_code) == (RunState.QUEUED, None)


async def test_a_waiting_run_can_be_cancelled_and_takes_no_answer_afterwards(
    tmp_path: Path,
) -> None:
    async with agent_at(tmp_path) as (agent, _):
        run_id, asked = await asking_run(agent, conversation_id=await new_conversation(agent))
        viewer = asyncio.ensure_future(whole(agent, run_id))
        ended = await agent.cancel(run_id)
        events = await viewer
        assert (ended.state, ended.outcome) == (RunState.CANCELLED, Outcome.CANCELLED)
        assert events[-1].type is EventType.INTERRUPTED
        assert await standing(agent, run_id) == (RunState.CANCELLED, MessageStatus.CANCELLED)
        with pytest.raises(ConflictError, match="has ended"):
            await agent.resume(run_id, TOLD, request_id=asked.request_id)
        assert (await agent.get_state(run_id)).get("input") is None


async def test_a_cancel_beside_an_answer_ends_the_run_once(tmp_path: Path) -> None:
    async with agent_at(tmp_path) as (agent, _):
        run_id, _ = await asking_run(agent, conversation_id=await new_conversation(agent))
        first, _, second = await asyncio.gather(
            agent.resume(run_id, TOLD),
            agent.cancel(run_id),
            agent.resume(run_id, "Another"),
            return_exceptions=True,
        )
        events = await whole(agent, run_id)
        assert isinstance(first, RunRow | ConflictError)
        assert isinstance(second, RunRow | ConflictError)
        assert events[-1].metadata["outcome"] == "cancelled"
        assert (await agent.passed(run_id))["stage"] == "cancelled"
        assert len(agent.states) == 0


async def test_runs_that_wait_hold_no_place_and_no_turn(tmp_path: Path) -> None:
    settings = Settings(max_live_runs=1, max_queued_runs=1)
    async with agent_at(tmp_path, settings) as (agent, _):
        conversation_id = await new_conversation(agent)
        waiting = [await asking_run(agent, f"{VAGUE} {n}", conversation_id) for n in range(50)]
        answer = await agent.process(ChatRequest(query=TOLD, conversation_id=conversation_id))
        assert answer["success"] is True
        for run_id, asked in waiting[:3]:
            await agent.resume(run_id, TOLD, request_id=asked.request_id)
        for run_id, _ in waiting[:3]:
            assert text_of(await whole(agent, run_id)) == ANSWER
            await agent.passed(run_id)
        assert len(agent.states) == 47


async def test_an_answered_run_has_its_turn_after_the_runs_that_went_before(
    tmp_path: Path,
) -> None:
    gate = asyncio.Event()

    async def wait(_sent: int) -> None:
        await gate.wait()

    script = ask_back(ASKED, "qa_analysis", [Reply("First.", before_chunk=wait), Reply("Second.")])
    async with asyncio.timeout(30), scripted_agent(tmp_path, script) as (agent, model):
        conversation_id = await new_conversation(agent)
        run_id, _ = await asking_run(agent, conversation_id=conversation_id)
        clear = f"{ASKED} {TOLD}"  # says what was asked, so that nothing is asked back
        other = await agent.start(ChatRequest(query=clear, conversation_id=conversation_id))
        await model.wait_for_request(3)
        taken = await agent.resume(run_id, TOLD)
        gate.set()
        before, after = await whole(agent, other.run_id), await whole(agent, run_id)
        assert (text_of(before), text_of(after)) == ("First.", "Second.")
        assert after[taken.last_seq].timestamp >= before[-1].timestamp


async def test_beyond_the_most_that_may_wait_the_question_is_the_answer(tmp_path: Path) -> None:
    async with agent_at(tmp_path, Settings(max_waiting_runs=1)) as (agent, _):
        await asking_run(agent)
        run = await agent.start(ChatRequest(query=VAGUE, interactive=True))
        assert text_of(await whole(agent, run.run_id)) == ASKED


async def test_asking_for_one_answer_gives_what_the_run_waits_for_and_then_the_rest(
    tmp_path: Path,
) -> None:
    async with agent_at(tmp_path) as (agent, _):
        state = await agent.process(ChatRequest(query=VAGUE, interactive=True))
        assert isinstance(state["input"], dict)
        assert state["input"]["question"] == ASKED
        run_id = str(state["workflow_id"])
        await agent.resume(run_id, TOLD)
        state = await agent.passed(run_id)
        assert (state["success"], state.get("input")) == (True, None)
        assert (await whole(agent, run_id))[-1].type is EventType.COMPLETED
