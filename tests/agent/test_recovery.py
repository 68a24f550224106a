"""Runs whose process died or stopped, at whatever moment: the next one goes on with them."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from tailrace._clock import SYSTEM_CLOCK
from tailrace.agent import ChatRequest, ContextAgent
from tailrace.context.ingest import Ingest
from tailrace.context.pool import ParserPool
from tailrace.events.ending import content_sha256
from tailrace.events.event import JSON, StreamEvent
from tailrace.events.fold import RunFold
from tailrace.events.logged import LoggedEvent
from tailrace.events.types import EventType, Outcome, WorkflowStage
from tailrace.settings import Settings
from tailrace.stores.base import NewRun, RunRow, RunState, StageResult
from tailrace.stores.conversations import MessageStatus
from tailrace.stores.registry import open_stores
from tailrace.testing.agents import PLAN, scripted_agent
from tailrace.testing.judging import is_judging, judged_by, judgement
from tailrace.testing.made_runs import claimed
from tailrace.testing.model_script import ChatRequest as ModelRequest
from tailrace.testing.model_script import Fault, Reply, Script, classify_as

STRONG = Settings(model_class="strong")
QUESTION = "What is the budget of the harbour plan?"
JUDGED = "judged"
CONTEXT = WorkflowStage.CONTEXT_GATHERING
ANSWER = "The budget of the harbour plan is 40,000 euros."
KINDS = {"a question": "qa_analysis", "a chat": "simple_chat", "a judged question": JUDGED}


class Recorded(msgspec.Struct):
    """A run that went to its end in one process."""

    run: RunRow
    events: list[LoggedEvent]
    results: list[StageResult]


def fold_of(events: Sequence[StreamEvent]) -> RunFold:
    fold = RunFold()
    for event in events:
        fold.apply(event)
    return fold


def facts_of(fold: RunFold) -> list[list[JSON]]:
    """The sources, what is cited, and what tools did; scores hang on what else there is."""
    titles = [source["title"] for source in fold.sources]
    return [titles, [citation["quote"] for citation in fold.citations], [*fold.tools]]


def answering(kind: str) -> Script:
    answer = Reply(ANSWER, chunk_delay_s=0.001)
    return judged_by(judge, answer) if kind == JUDGED else classify_as(kind, answer)


def judge(request: ModelRequest) -> Reply:
    if "500 g of flour" in request.text:
        return judgement({"budget": [1], "bread": [2]})
    call: dict[str, JSON] = {"tool": "search_documents", "query": "rye flour"}
    return judgement({"budget": [1], "bread": []}, call)


def asks_for_a_class(request: ModelRequest) -> bool:
    return request.schema is not None and not is_judging(request)


@asynccontextmanager
async def conversing(
    home: Path, script: Script, settings: Settings | None = None
) -> AsyncGenerator[tuple[ContextAgent, int]]:
    async with (
        asyncio.timeout(40),
        scripted_agent(home, script, settings=settings) as (agent, _),
    ):
        at = SYSTEM_CLOCK.now()
        yield agent, (await agent.parts.store.create_conversation("", "home", {}, at)).id


async def recorded(home: Path, kind: str) -> Recorded:
    async with conversing(home, answering(kind), STRONG) as (agent, conversation_id):
        request = ChatRequest(query=QUESTION, conversation_id=conversation_id)
        events = [event async for event in agent.process_stream(request)]
        store, run_id = agent.parts.store, events[0].run_id
        return Recorded(
            run=await store.get_run(run_id, ""),
            events=await store.read(run_id, 0, 1_000),
            results=await store.stage_results(run_id),
        )


async def died_after(home: Path, whole: Recorded, seq: int) -> None:
    """Make `home` what a process leaves that died once event `seq` of the run was committed."""
    store, documents = await open_stores(Settings(home=home))
    reader = ParserPool(max_document_bytes=10_000)
    for name, text in PLAN.items():
        await Ingest(documents, reader=reader, max_document_bytes=10_000).add_text(name, text)
    await reader.aclose()
    await store.create_conversation("", "home", {}, whole.run.created_at)
    run = whole.run
    accepted = await store.create(
        NewRun(
            run_id=run.run_id,
            owner=run.owner,
            query=run.query,
            request=run.request,
            session_id=run.session_id,
            conversation_id=run.conversation_id,
            created_at=run.created_at,
        )
    )
    assert accepted.first_event.data == whole.events[0].data
    if seq > 1:
        await claimed(store, run.run_id, "")
    results = {result.seq: result for result in whole.results}
    for logged in whole.events[1:seq]:
        await store.append(
            run.run_id,
            logged.event.epoch,
            logged.seq,
            [logged],
            stage=logged.event.stage,
            stage_result=results.get(logged.seq),
        )
    await store.aclose()


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
async def test_a_run_goes_on_whichever_event_its_process_died_after(
    tmp_path: Path, kind: str
) -> None:
    whole = await recorded(tmp_path / "whole", kind)
    told = facts_of(fold_of([logged.event for logged in whole.events]))
    assert [bool(facts) for facts in told] == [
        kind != "simple_chat",
        kind != "simple_chat",
        kind == JUDGED,
    ]
    for seq in range(1, len(whole.events)):
        if kind == JUDGED and whole.events[seq].event.stage is not CONTEXT:
            continue  # elsewhere it is like any other question
        home = tmp_path / f"died after {seq}"
        await died_after(home, whole, seq)
        async with (
            asyncio.timeout(30),
            scripted_agent(home, answering(kind), documents={}, settings=STRONG) as (agent, model),
        ):
            events = [event async for event in agent.watch(whole.run.run_id)]
            run = await agent.parts.store.get_run(whole.run.run_id, "")
            message = (await agent.parts.store.list_messages(1, ""))[1]
        fold, last = fold_of(events), events[-1]
        assert events[:seq] == [logged.event for logged in whole.events[:seq]]
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        assert [event.is_terminal for event in events].count(True) == 1
        assert last.metadata["outcome"] == Outcome.ANSWERED
        assert last.metadata["content_sha256"] == content_sha256(ANSWER)
        assert fold.text == message.content == ANSWER
        assert facts_of(fold) == told
        assert (run.state, message.status) == (RunState.COMPLETED, MessageStatus.COMPLETED)
        finished = [result.stage for result in whole.results if result.seq <= seq]
        classified = any(asks_for_a_class(each.chat) for each in model.requests)
        assert classified == (WorkflowStage.INTENT_ANALYSIS not in finished), seq
        retracts = [event for event in events if event.type is EventType.RETRACT]
        kept = max([1, *(result.seq for result in whole.results if result.seq <= seq)])
        assert [e.metadata["discard_after"] for e in retracts] == ([kept] if seq > kept else [])


async def test_a_process_that_stops_leaves_its_runs_to_the_next(tmp_path: Path) -> None:
    stalls = classify_as("qa_analysis", Reply(chunks=["The ", "old "], fault=Fault.stall(1)))
    async with conversing(tmp_path, stalls) as (agent, conversation_id):
        run = await agent.start(ChatRequest(query=QUESTION, conversation_id=conversation_id))
        viewer = agent.watch(run.run_id)
        seen: list[StreamEvent] = []
        async for event in viewer:
            seen.append(event)
            if event.type is EventType.STREAM_CHUNK:
                await agent.shut_down()
        assert not seen[-1].is_terminal
        left = await agent.parts.store.get_run(run.run_id, "")
        assert (left.state, left.attempts) == (RunState.QUEUED, 0)
    async with (
        asyncio.timeout(30),
        scripted_agent(tmp_path, answering("qa_analysis")) as (agent, _),
    ):
        events = [event async for event in agent.watch(run.run_id, after=seen[-1].cursor)]
    assert events[0].type is EventType.RETRACT
    assert events[-1].metadata["outcome"] == Outcome.ANSWERED
    assert fold_of([*seen, *events]).text == ANSWER


async def test_runs_of_one_conversation_go_on_in_their_order(tmp_path: Path) -> None:
    stalls = classify_as("simple_chat", Reply(chunks=["never"], fault=Fault.stall(0)))
    async with conversing(tmp_path, stalls) as (agent, conversation_id):
        asked = [
            await agent.start(ChatRequest(query=f"{n}?", conversation_id=conversation_id))
            for n in range(3)
        ]

    def echo(request: ModelRequest) -> Reply:
        return Reply(" then ".join(request.contents[-1:]))

    async with (
        asyncio.timeout(30),
        scripted_agent(tmp_path, classify_as("simple_chat", echo)) as (agent, model),
    ):
        for run in asked:
            assert [event async for event in agent.watch(run.run_id)][-1].is_terminal
        answers = [r.chat for r in model.requests if not asks_for_a_class(r.chat)]
    assert ["0?" in r.text and "1?" not in r.text for r in answers] == [True, False, False]
    assert "1?" in answers[1].contents[-1]
    assert "2?" in answers[2].contents[-1]


async def test_a_run_that_too_many_processes_died_of_is_given_up(tmp_path: Path) -> None:
    whole = await recorded(tmp_path / "whole", "qa_analysis")
    home = tmp_path / "home"
    await died_after(home, whole, 4)
    store, _ = await open_stores(Settings(home=home))
    for _ in range(2):
        await claimed(store, whole.run.run_id, "")
    await store.aclose()
    async with asyncio.timeout(30), scripted_agent(home) as (agent, _):
        events = [event async for event in agent.watch(whole.run.run_id)]
        message = (await agent.parts.store.list_messages(1, ""))[1]
    error = events[-1].metadata["error"]
    assert isinstance(error, dict)
    assert error["code"] == "worker_lost"
    assert [event.seq for event in events] == [1, 2, 3, 4, 5]
    assert message.status is MessageStatus.FAILED


async def test_a_run_that_was_left_can_be_stopped_before_it_goes_on(tmp_path: Path) -> None:
    whole = await recorded(tmp_path / "whole", "qa_analysis")
    home = tmp_path / "home"
    await died_after(home, whole, 5)
    never = classify_as("qa_analysis", Reply(chunks=["never"], fault=Fault.stall(0)))
    async with asyncio.timeout(30), scripted_agent(home, never) as (agent, _):
        await agent.cancel(whole.run.run_id)
        events = [event async for event in agent.watch(whole.run.run_id)]
    assert events[-1].type is EventType.INTERRUPTED
    assert [event.is_terminal for event in events].count(True) == 1
