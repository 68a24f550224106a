"""StreamingManager: a run that waits, from the commit of its question to that of the answer."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from tailrace.errors import StorageFullError
from tailrace.events.asking import InputRequest, answering, asking
from tailrace.events.ending import ending
from tailrace.events.event import StreamEvent
from tailrace.events.logged import LoggedEvent
from tailrace.events.types import EventType, NodeType, Outcome, WorkflowStage
from tailrace.stores.base import RunState
from tailrace.stores.sqlite.database import Synchronous
from tailrace.stores.sqlite.store import SQLiteStore
from tailrace.streaming.manager import StreamingManager
from tailrace.testing.made_runs import AT, LEASE_S, accepted_run, claimed


class GatedStore(SQLiteStore):
    """The real store, whose answers wait at a gate, and find the disk full while `is_full`."""

    gate: asyncio.Event
    is_full = False

    def resume(
        self, run_id: str, event: LoggedEvent, *, worker: str, lease_s: float
    ) -> "asyncio.Future[int]":
        real = super().resume

        async def commit() -> int:
            await self.gate.wait()
            if self.is_full:
                msg = "the disk is full"
                raise StorageFullError(msg)
            return await real(run_id, event, worker=worker, lease_s=lease_s)

        return asyncio.ensure_future(commit())


@asynccontextmanager
async def open_manager(tmp_path: Path) -> AsyncGenerator[tuple[StreamingManager, GatedStore]]:
    store = await GatedStore.open(tmp_path / "home.db", Synchronous.NORMAL)
    store.gate = asyncio.Event()
    accepted = await accepted_run(store)
    manager = StreamingManager(accepted.run, accepted.first_event, store, 1 << 20)
    manager.claimed(await claimed(store, accepted.run.run_id))
    async with asyncio.timeout(20):
        yield manager, store
    await manager.settled()
    await store.aclose()


def question() -> StreamEvent:
    request = InputRequest(request_id="1", question="Which one?", expires_at=AT + timedelta(days=7))
    return asking(request, stage=WorkflowStage.INTENT_ANALYSIS, node=NodeType.INTENT, at=AT)


async def resume(manager: StreamingManager) -> None:
    await manager.resume(answering(question(), "That", AT), worker="worker", lease_s=LEASE_S)


def note(text: str) -> StreamEvent:
    return StreamEvent.create_node_event(
        NodeType.INTENT, EventType.THINKING, WorkflowStage.INTENT_ANALYSIS, text
    )


async def state_of(store: GatedStore, manager: StreamingManager) -> tuple[RunState, int]:
    run = await store.get_run(manager.run_id, "")
    return run.state, run.epoch


async def test_a_question_returns_once_it_is_kept_and_the_run_waits(tmp_path: Path) -> None:
    async with open_manager(tmp_path) as (manager, store):
        await manager.emit(note("before"))
        await manager.emit(question())
        assert manager.log.newest(1)[0].type == "input_required"
        assert await state_of(store, manager) == (RunState.WAITING, 1)


async def test_what_is_said_while_an_answer_is_kept_follows_it_in_its_epoch(
    tmp_path: Path,
) -> None:
    async with open_manager(tmp_path) as (manager, store):
        await manager.emit(question())
        resumed = asyncio.ensure_future(resume(manager))
        await asyncio.sleep(0)
        cancelled = asyncio.ensure_future(manager.emit(ending(Outcome.CANCELLED, AT)))
        await asyncio.sleep(0)
        assert manager.log.last_seq == 2
        store.gate.set()
        await asyncio.gather(resumed, cancelled)
        events = [event async for event in manager.stream()]
        assert [(event.type.value, event.seq, event.epoch) for event in events] == [
            ("running", 1, 1),
            ("input_required", 2, 1),
            ("done", 3, 2),
            ("interrupted", 4, 2),
        ]
        assert await state_of(store, manager) == (RunState.CANCELLED, 2)


async def test_an_answer_that_cannot_be_kept_leaves_the_run_waiting(tmp_path: Path) -> None:
    async with open_manager(tmp_path) as (manager, store):
        await manager.emit(question())
        store.gate.set()
        store.is_full = True
        with pytest.raises(StorageFullError):
            await resume(manager)
        assert manager.fold.input_required is not None
        assert await state_of(store, manager) == (RunState.WAITING, 1)
        store.is_full = False
        await resume(manager)
        assert (manager.fold.inputs[0]["input"], manager.ending) == ("That", False)
        assert await state_of(store, manager) == (RunState.RUNNING, 2)


async def test_a_restored_manager_goes_on_where_the_log_stands(tmp_path: Path) -> None:
    async with open_manager(tmp_path) as (manager, store):
        store.gate.set()
        await manager.emit(note("before"))
        await manager.emit(question())
        run = await store.get_run(manager.run_id, "")
        events = await store.read(run.run_id, 0, run.last_seq)
        again = StreamingManager.restored(run, events, store, 1 << 20)
        await resume(again)
        await again.emit(StreamEvent.create_chunk("Well"))
        await again.emit(ending(Outcome.ANSWERED, AT))
        seen = [event async for event in again.stream()]
        stored = await store.read(run.run_id, 0, 100)
        assert [logged.event for logged in stored] == seen
        assert [event.seq for event in seen] == list(range(1, len(seen) + 1))
        assert seen[-1].metadata["last_seq"] == len(seen)
