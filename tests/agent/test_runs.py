"""ContextAgent: runs side by side, stopped at any moment, queued, and closed after a crash."""

import asyncio
import dataclasses
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from tailrace._clock import SYSTEM_CLOCK
from tailrace.agent import ChatRequest, ContextAgent
from tailrace.agent.request import ChatContext
from tailrace.errors import HomeLockedError, InvalidRequestError, NotFoundError, TooManyRunsError
from tailrace.events.ending import content_sha256
from tailrace.events.event import StreamEvent
from tailrace.events.types import EventType, Outcome, WorkflowStage
from tailrace.nodes.scope import RunScope
from tailrace.settings import Settings
from tailrace.state.state import Turn, WorkflowState
from tailrace.stores.base import RunState
from tailrace.stores.conversations import MessageStatus
from tailrace.testing.agents import scripted_agent
from tailrace.testing.model_script import ChatRequest as ModelRequest
from tailrace.testing.model_script import Fault, Reply, classify_as
from tailrace.workflow.engine import WorkflowEngine

QUESTION = "What is the budget of the harbour plan?"


def text_of(events: Sequence[StreamEvent]) -> str:
    return "".join(event.content for event in events if event.type is EventType.STREAM_CHUNK)


def stalling(after: int) -> Reply:
    return Reply(chunks=["one ", "two ", "three "], fault=Fault.stall(after))


async def first_chunk(agent: ContextAgent, run_id: str) -> StreamEvent:
    async for event in agent.watch(run_id):
        if event.type is EventType.STREAM_CHUNK:
            return event
    msg = "the run ended without a chunk"
    raise AssertionError(msg)


async def test_fifty_runs_at_once_never_mix_and_are_all_stored(tmp_path: Path) -> None:
    def script(request: ModelRequest) -> Reply:
        number = request.contents[-1].split("run number ")[-1].split("?")[0]
        answer = " ".join(f"{number}:{i}" for i in range(20))
        return Reply(answer, chunk_delay_s=0.001)

    async with scripted_agent(tmp_path, classify_as("simple_chat", script)) as (agent, _):
        conversation = await agent.parts.store.create_conversation(
            "", "home", {}, SYSTEM_CLOCK.now()
        )

        async def ask(number: int) -> list[StreamEvent]:
            request = ChatRequest(
                query=f"run number {number}?",
                conversation_id=conversation.id if number == 0 else None,
            )
            return [event async for event in agent.process_stream(request)]

        async with asyncio.timeout(60):
            logs = await asyncio.gather(*(ask(number) for number in range(50)))
        for number, events in enumerate(logs):
            expected = " ".join(f"{number}:{i}" for i in range(20))
            assert text_of(events) == expected
            assert len({event.run_id for event in events}) == 1
            assert [event.seq for event in events] == list(range(1, len(events) + 1))
            assert events[-1].metadata["content_sha256"] == content_sha256(expected)
            stored = await agent.parts.store.read(events[0].run_id, 0, 1_000)
            assert [logged.event for logged in stored] == events
        assert len({events[0].run_id for events in logs}) == 50
        assert len(agent.states) == 0


@pytest.mark.parametrize(
    ("reply", "before_token"),
    [
        pytest.param(stalling(1), False, id="in a stall"),
        pytest.param(Reply(fault=Fault.mute()), True, id="before the first token"),
        pytest.param(
            Reply(chunks=["word "], chunk_delay_s=0.005, fault=Fault.endless()),
            False,
            id="mid-answer",
        ),
    ],
)
async def test_cancel_hangs_up_on_the_model_and_nothing_follows(
    tmp_path: Path, reply: Reply, *, before_token: bool
) -> None:
    async with (
        asyncio.timeout(30),
        scripted_agent(tmp_path, classify_as("qa_analysis", reply)) as (agent, model),
    ):
        conversation = await agent.parts.store.create_conversation(
            "", "home", {}, SYSTEM_CLOCK.now()
        )
        run = await agent.start(ChatRequest(query=QUESTION, conversation_id=conversation.id))
        asked = await model.wait_for_request(2)
        if not before_token:
            await first_chunk(agent, run.run_id)
        ended = await agent.cancel(run.run_id)
        await asked.disconnected.wait()
        events = [event async for event in agent.watch(run.run_id)]
        message = (await agent.parts.store.list_messages(conversation.id, ""))[1]
        assert (ended.state, ended.outcome) == (RunState.CANCELLED, Outcome.CANCELLED)
        assert (events[-1].type, events[-1].stage) == (
            EventType.INTERRUPTED,
            WorkflowStage.CANCELLED,
        )
        assert ended.last_seq == events[-1].seq
        assert (message.status, message.content) == (MessageStatus.CANCELLED, text_of(events))
        assert bool(message.content) is not before_token
        assert await agent.cancel(run.run_id) == ended


async def test_a_run_that_waits_for_its_conversation_can_be_cancelled_and_never_starts(
    tmp_path: Path,
) -> None:
    async with (
        asyncio.timeout(30),
        scripted_agent(tmp_path, classify_as("simple_chat", stalling(1))) as (agent, model),
    ):
        conversation = await agent.parts.store.create_conversation(
            "", "home", {}, SYSTEM_CLOCK.now()
        )
        first, second, third = [
            await agent.start(ChatRequest(query=f"{i}?", conversation_id=conversation.id))
            for i in range(3)
        ]
        await first_chunk(agent, first.run_id)
        ended = await agent.cancel(second.run_id)
        assert (ended.state, ended.attempts, ended.last_seq) == (RunState.CANCELLED, 0, 2)
        await agent.cancel(first.run_id)
        await first_chunk(agent, third.run_id)
        await agent.cancel(third.run_id)
        assert [request.chat.contents[-1].strip() for request in model.requests].count("1?") == 0


async def test_leaving_a_stream_does_not_end_the_run(tmp_path: Path) -> None:
    gate = asyncio.Event()

    async def wait_after_first(sent: int) -> None:
        if sent:
            await gate.wait()

    reply = Reply("The budget is 40,000 euros.", before_chunk=wait_after_first)
    async with (
        asyncio.timeout(30),
        scripted_agent(tmp_path, classify_as("qa_analysis", reply)) as (agent, _),
    ):
        stream = agent.process_stream(ChatRequest(query=QUESTION))
        run_id = ""
        async for event in stream:
            run_id = event.run_id
            if event.type is EventType.STREAM_CHUNK:
                break
        await stream.aclose()
        gate.set()
        events = [event async for event in agent.watch(run_id)]
        assert text_of(events) == "The budget is 40,000 euros."
        assert events[-1].metadata["outcome"] == "answered"


async def test_a_run_without_streaming_gives_the_whole_answer(tmp_path: Path) -> None:
    async with scripted_agent(
        tmp_path, classify_as("qa_analysis", Reply("It is 40,000 euros."))
    ) as (agent, _):
        result = await agent.process(ChatRequest(query=QUESTION))
        assert result["success"] is True
        assert result["execution"] == {
            "success": True,
            "outputs": [{"type": "answer", "content": "It is 40,000 euros."}],
            "errors": [],
        }
        events = [event async for event in agent.watch(str(result["workflow_id"]))]
        assert (events[-1].type, events[-1].content) == (
            EventType.COMPLETED,
            "It is 40,000 euros.",
        )


async def test_the_conversation_is_told_in_order_with_the_question_once(tmp_path: Path) -> None:
    replies = [Reply("First answer."), Reply("Second answer."), Reply("Third answer.")]
    async with scripted_agent(tmp_path, classify_as("simple_chat", replies)) as (agent, model):
        conversation = await agent.parts.store.create_conversation(
            "", "home", {}, SYSTEM_CLOCK.now()
        )
        for question in ("First?", "Second?", "Third?"):
            request = ChatRequest(query=question, conversation_id=conversation.id)
            await agent.process(request)
        told = model.requests[-1].chat.text
        order = ["First?", "First answer.", "Second?", "Second answer.", "Third?"]
        assert [told.count(part) for part in order] == [1] * 5
        assert sorted(order, key=told.index) == order


async def test_history_of_the_request_counts_only_where_none_is_stored(tmp_path: Path) -> None:
    history = (Turn("user", "Sent along?"), Turn("assistant", "Yes."), Turn("user", "Now?"))
    async with scripted_agent(tmp_path, classify_as("simple_chat", Reply("Fine."))) as (
        agent,
        model,
    ):
        conversation = await agent.parts.store.create_conversation(
            "", "home", {}, SYSTEM_CLOCK.now()
        )
        context = ChatContext(chat_history=history)
        await agent.process(ChatRequest(query="Now?", context=context))
        alone = model.requests[-1].chat.text
        within: list[str] = []
        for _ in range(2):
            await agent.process(
                ChatRequest(query="Now?", context=context, conversation_id=conversation.id)
            )
            within.append(model.requests[-1].chat.text)
        assert (alone.count("Sent along?"), alone.count("Now?")) == (1, 1)
        assert [text.count("Sent along?") for text in within] == [1, 0]


async def test_one_run_too_many_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    settings = Settings(max_live_runs=1, max_queued_runs=1)
    script = classify_as("simple_chat", stalling(1))
    async with (
        asyncio.timeout(30),
        scripted_agent(tmp_path, script, settings=settings) as (agent, _),
    ):
        runs = [await agent.start(ChatRequest(query=f"{i}?")) for i in range(2)]
        with pytest.raises(TooManyRunsError) as refused:
            await agent.start(ChatRequest(query="one too many?"))
        assert refused.value.retry_after_s is not None
        assert len(await agent.parts.store.list_runs("", 10, None)) == 2
        for run in runs:
            await agent.cancel(run.run_id)
        assert (await agent.start(ChatRequest(query="again?"))).state is RunState.QUEUED


@pytest.mark.parametrize("query", ["", "  \n", "x" * 32_769])
async def test_a_question_that_is_empty_or_too_long_is_refused_and_leaves_nothing(
    tmp_path: Path, query: str
) -> None:
    async with scripted_agent(tmp_path) as (agent, _):
        with pytest.raises(InvalidRequestError):
            await agent.start(ChatRequest(query=query))
        assert await agent.parts.store.list_runs("", 10, None) == []


async def test_a_foreign_run_is_not_found(tmp_path: Path) -> None:
    async with scripted_agent(tmp_path) as (agent, _):
        run = await agent.start(ChatRequest(query=QUESTION), owner="ada")
        for attempt in (
            agent.cancel(run.run_id, owner="bob"),
            agent.get_state(run.run_id, owner="bob"),
            agent.view(run.run_id, owner="bob"),
        ):
            with pytest.raises(NotFoundError):
                await attempt


async def test_a_home_has_one_owner_at_a_time(tmp_path: Path) -> None:
    async with scripted_agent(tmp_path) as (agent, _):
        with pytest.raises(HomeLockedError, match="at work in"):
            async with ContextAgent.open(msgspec.structs.replace(agent.parts.settings)):
                pass
    async with scripted_agent(tmp_path) as (agent, _):
        assert agent.home.token


async def test_the_same_idempotency_key_gives_the_same_run(tmp_path: Path) -> None:
    async with (
        asyncio.timeout(30),
        scripted_agent(tmp_path, classify_as("simple_chat", Reply("Hello."))) as (agent, model),
    ):
        request = ChatRequest(query="Hello?")
        first = await agent.start(request, idempotency_key="key")
        again = await agent.start(request, idempotency_key="key")
        await asyncio.gather(*[_drain(agent, first.run_id) for _ in range(2)])
        late = await agent.start(request, idempotency_key="key")
        assert {first.run_id, again.run_id, late.run_id} == {first.run_id}
        assert len(model.requests) == 2


async def _drain(agent: ContextAgent, run_id: str) -> None:
    async for _ in agent.watch(run_id):
        pass


async def test_a_new_home_gets_samples_once_and_they_stay_removed(tmp_path: Path) -> None:
    async with scripted_agent(tmp_path, documents={}) as (agent, _):
        assert (await agent.catch_up()).added > 0
        documents, count = await agent.parts.documents.list_documents("", limit=50, offset=0)
        for document in documents:
            await agent.parts.ingest.remove(document.id)
        assert count > 0
        assert (await agent.catch_up()).added == 0


async def test_a_home_with_documents_gets_no_samples(tmp_path: Path) -> None:
    async with scripted_agent(tmp_path) as (agent, _):
        assert (await agent.catch_up()).added == 0


class BrokenEngine(WorkflowEngine):
    """Somebody's own engine, with a bug."""

    async def execute(self, state: WorkflowState, scope: RunScope) -> WorkflowState:
        msg = f"a bug that met run {state.run_id} at {scope.deadline_s}"
        raise ZeroDivisionError(msg)


async def test_a_bug_in_an_engine_of_ones_own_still_ends_the_run(tmp_path: Path) -> None:
    async with asyncio.timeout(30), scripted_agent(tmp_path) as (agent, _):
        agent.parts = dataclasses.replace(agent.parts, engine=BrokenEngine({}))
        run = await agent.start(ChatRequest(query=QUESTION))
        task = next(task for task in asyncio.all_tasks() if task.get_name() == f"run {run.run_id}")
        with pytest.raises(ZeroDivisionError):
            await task
        events = [event async for event in agent.watch(run.run_id)]
        assert [event.is_terminal for event in events] == [False, True]
        assert (events[-1].type, len(agent.states)) == (EventType.FAIL, 0)
        assert "bug" not in events[-1].to_json_string()
