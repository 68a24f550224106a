"""A run that reads documents in is a run like any other: watched, stopped, gone on with."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, cast

import pytest

from tailrace.agent import ChatRequest, ContextAgent, IngestRequest, ingesting
from tailrace.errors import NotFoundError, TooManyRunsError
from tailrace.events.event import StreamEvent
from tailrace.events.receipt import Receipt
from tailrace.events.types import EventType, Outcome, RunKind, WorkflowStage
from tailrace.settings import Settings
from tailrace.state.state import IngestTarget
from tailrace.stores.base import NewRun, RunState
from tailrace.stores.registry import open_stores
from tailrace.testing.agents import scripted_agent
from tailrace.testing.made_runs import claimed


def notes(folder: Path, count: int = 3) -> Path:
    folder.mkdir()
    for number in range(count):
        (folder / f"{number:04}.md").write_text(f"# Note {number}\n\nThe text of it.\n")
    return folder


def reading(folder: Path) -> IngestRequest:
    return IngestRequest(target=IngestTarget(path=str(folder), until_embedded=False))


async def followed(agent: ContextAgent, run_id: str) -> list[StreamEvent]:
    async with asyncio.timeout(40):
        return [event async for event in agent.watch(run_id)]


def facts_of(events: Sequence[StreamEvent]) -> list[dict[str, Any]]:
    return [
        cast("dict[str, Any]", event.metadata["ingest"])
        for event in events
        if "ingest" in event.metadata
    ]


def files_of(events: Sequence[StreamEvent]) -> list[tuple[str, str]]:
    files = [
        file
        for event in events
        for file in cast("list[dict[str, Any]]", event.metadata.get("files", []))
    ]
    return sorted((Path(str(file["source"])).name, str(file["status"])) for file in files)


def receipt_of(events: Sequence[StreamEvent]) -> Receipt:
    receipt = Receipt()
    for event in events:
        receipt.take(event)
    assert receipt.problems == []
    return receipt


async def test_an_ingestion_tells_what_became_of_each_file(tmp_path: Path) -> None:
    folder = notes(tmp_path / "notes", 2)
    (folder / "image.xyz").write_bytes(b"\0\1\2")
    async with ContextAgent.open(Settings(home=tmp_path / "home")) as agent:
        run = await ingesting.start(agent, reading(folder))
        events = await followed(agent, run.run_id)
        row = await agent.parts.store.get_run(run.run_id, "")
    first, last = events[0], events[-1]
    assert (first.type, first.stage, first.metadata["kind"]) == (
        EventType.RUNNING,
        WorkflowStage.INIT,
        "ingest",
    )
    assert (last.type, last.stage) == (EventType.STREAM_COMPLETE, WorkflowStage.COMPLETED)
    assert files_of(events) == [
        ("0000.md", "searchable"),
        ("0001.md", "searchable"),
        ("image.xyz", "skipped"),
    ]
    totals = facts_of(events)[-1]
    kept = {name: totals[name] for name in ("found", "done", "searchable", "skipped", "added")}
    assert kept == {"found": 3, "done": 3, "searchable": 2, "skipped": 1, "added": 2}
    assert receipt_of(events).fold.text == "Documents: 2 added, 1 skipped."
    assert (row.kind, row.state, row.query) == (
        RunKind.INGEST,
        RunState.COMPLETED,
        f"Read {folder}",
    )


async def test_every_failure_is_named_though_an_event_has_room_for_fifty(tmp_path: Path) -> None:
    folder = notes(tmp_path / "notes", 1)
    for number in range(120):
        (folder / f"{number:04}.xyz").write_bytes(b"\0")
    async with ContextAgent.open(Settings(home=tmp_path / "home")) as agent:
        run = await ingesting.start(agent, reading(folder))
        events = await followed(agent, run.run_id)
    sizes = [len(cast("list[object]", event.metadata.get("files", []))) for event in events]
    assert max(sizes) <= 50
    assert [status for _, status in files_of(events)].count("skipped") == 120


async def test_ingestions_are_no_chats_and_take_no_places_of_questions(tmp_path: Path) -> None:
    settings = Settings(max_live_runs=1, max_queued_runs=0, max_ingestions=1)
    folder = notes(tmp_path / "notes")
    async with scripted_agent(tmp_path / "home", settings=settings) as (agent, _):
        ingestion = await ingesting.start(agent, reading(folder))
        with pytest.raises(TooManyRunsError):
            await ingesting.start(agent, reading(folder))
        question = await agent.start(ChatRequest(query="What is in the notes?"))
        await followed(agent, ingestion.run_id)
        await followed(agent, question.run_id)
        store = agent.parts.store
        for kind, ids in [
            (RunKind.CHAT, {question.run_id}),
            (RunKind.INGEST, {ingestion.run_id}),
            (None, {question.run_id, ingestion.run_id}),
        ]:
            assert {run.run_id for run in await store.list_runs("", 9, None, kind)} == ids


async def test_a_path_where_nothing_is_is_refused_before_there_is_a_run(tmp_path: Path) -> None:
    async with ContextAgent.open(Settings(home=tmp_path / "home")) as agent:
        with pytest.raises(NotFoundError):
            await ingesting.start(agent, reading(tmp_path / "nothing"))
        assert await agent.parts.store.list_runs("", 9, None) == []


async def test_a_stopped_ingestion_keeps_what_it_has_read(tmp_path: Path) -> None:
    folder = notes(tmp_path / "notes", 400)
    async with ContextAgent.open(Settings(home=tmp_path / "home")) as agent:
        run = await ingesting.start(agent, reading(folder))
        async with aclosing(agent.watch(run.run_id)) as events:
            async for event in events:
                if facts_of([event]) and facts_of([event])[0]["searchable"]:
                    break
        await agent.cancel(run.run_id)
        events = await followed(agent, run.run_id)
        _, kept = await agent.parts.documents.list_documents("", limit=1, offset=0)
        assert (events[-1].type, receipt_of(events).outcome) == (
            EventType.INTERRUPTED,
            Outcome.CANCELLED,
        )
        assert kept > 0
        again = await ingesting.start(agent, reading(folder))
        totals = facts_of(await followed(agent, again.run_id))[-1]
        assert (totals["searchable"], totals["unchanged"]) == (400, kept)


async def test_an_ingestion_whose_process_died_goes_on_in_the_next(tmp_path: Path) -> None:
    home, folder = tmp_path / "home", notes(tmp_path / "notes", 40)
    async with ContextAgent.open(Settings(home=tmp_path / "whole")) as agent:
        whole = await ingesting.start(agent, reading(folder))
        await followed(agent, whole.run_id)
        recorded = await agent.parts.store.read(whole.run_id, 0, 100)
    async with ContextAgent.open(Settings(home=home)) as agent:  # what the dead one had read
        await agent.parts.ingest.add_path(folder)
        for path in sorted(folder.iterdir())[30:]:
            path.write_text("Another text.")
    store, _ = await open_stores(Settings(home=home))
    await store.create(
        NewRun(
            run_id=whole.run_id,
            owner="",
            query=whole.query,
            request=whole.request,
            session_id=whole.session_id,
            conversation_id=None,
            created_at=whole.created_at,
            kind=RunKind.INGEST,
        )
    )
    await claimed(store, whole.run_id, "")
    for logged in recorded[1:3]:
        await store.append(whole.run_id, 1, logged.seq, [logged], stage=logged.event.stage)
    await store.aclose()
    async with ContextAgent.open(Settings(home=home)) as agent:
        events = await followed(agent, whole.run_id)
        row = await agent.parts.store.get_run(whole.run_id, "")
    totals = facts_of(events)[-1]
    assert events[3].type is EventType.RETRACT
    assert (totals["unchanged"], totals["updated"], totals["found"]) == (30, 10, 40)
    assert (receipt_of(events).outcome, row.attempts) == (Outcome.ANSWERED, 2)
