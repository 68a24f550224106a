"""Who comes late gets a snapshot, who lags gets merged chunks; nobody holds up the run."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, asynccontextmanager
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace._clock import SYSTEM_CLOCK
from tailrace.errors import InvalidRequestError
from tailrace.events.ending import content_sha256, ending
from tailrace.events.event import StreamEvent
from tailrace.events.fold import RunFold
from tailrace.events.logged import LoggedEvent
from tailrace.events.receipt import Receipt
from tailrace.events.types import CHUNK_TYPES, EventType, NodeType, Outcome, WorkflowStage
from tailrace.stores.base import FinalState, StageResult
from tailrace.streaming.manager import StreamingManager
from tailrace.streaming.viewer import snapshot_ended
from tailrace.testing.made_runs import accepted_run
from tailrace.testing.memory_store import MemoryStore

BATCH_BYTES = 2_000
"""What a viewer of these tests takes at once."""


class HeldStore(MemoryStore):
    """A store whose commits wait for a permit each, once `hold` is called."""

    permits: asyncio.Semaphore | None = None

    def hold(self) -> asyncio.Semaphore:
        """Let a commit through only for a permit."""
        self.permits = asyncio.Semaphore(0)
        return self.permits

    def append(
        self,
        run_id: str,
        epoch: int,
        first_seq: int,
        events: Sequence[LoggedEvent],
        *,
        stage: WorkflowStage | None = None,
        stage_result: StageResult | None = None,
        final_state: FinalState | None = None,
    ) -> "asyncio.Future[int]":
        real = partial(super().append, run_id, epoch, first_seq, events, stage=stage)
        write = partial(real, stage_result=stage_result, final_state=final_state)
        if self.permits is None:
            return write()

        async def later(permits: asyncio.Semaphore) -> int:
            await permits.acquire()
            return await write()

        return asyncio.ensure_future(later(self.permits))


@asynccontextmanager
async def a_run(memory_bytes: int = 1 << 20) -> AsyncGenerator[tuple[StreamingManager, HeldStore]]:
    store = HeldStore()
    accepted = await accepted_run(store)
    manager = StreamingManager(accepted.run, accepted.first_event, store, memory_bytes)
    async with asyncio.timeout(30):
        yield manager, store


def status(text: str) -> StreamEvent:
    return StreamEvent.create_node_event(
        NodeType.EXECUTE, EventType.RUNNING, WorkflowStage.EXECUTION, text
    )


def retract_to(seq: int) -> StreamEvent:
    return StreamEvent(type=EventType.RETRACT, metadata={"discard_after": seq})


def end() -> StreamEvent:
    return ending(Outcome.ANSWERED, SYSTEM_CLOCK.now())


async def say(manager: StreamingManager, event: StreamEvent) -> None:
    """Say it, and let it be committed by itself."""
    await manager.emit(event)
    await manager.settled()


async def rest_of(manager: StreamingManager, snapshot: LoggedEvent) -> Receipt:
    """What a viewer has that came with `snapshot`."""
    receipt = Receipt()
    receipt.take(snapshot.event)
    async for event in manager.stream(snapshot.cursor):
        receipt.take(event)
    return receipt


async def test_a_snapshot_shows_nothing_that_is_not_committed() -> None:
    async with a_run() as (manager, store):
        permits = store.hold()
        await manager.emit(StreamEvent.create_chunk("kept first"))
        await manager.emit(StreamEvent.create_chunk(", kept second"))
        asked = asyncio.ensure_future(manager.snapshot())
        await asyncio.sleep(0)
        assert not asked.done()
        permits.release()
        snapshot = await asked
        assert snapshot is not None
        assert (snapshot.seq, snapshot.event.content) == (manager.log.last_seq, "kept first")
        permits.release()
        permits.release()
        await manager.emit(end())


async def test_a_thousand_that_join_at_once_share_one_encoding() -> None:
    async with a_run() as (manager, store):
        await say(manager, StreamEvent.create_chunk("text"))
        permits = store.hold()
        idle = {id(await manager.snapshot()) for _ in range(500)}
        await manager.emit(StreamEvent.create_chunk(" and more"))
        joining = [asyncio.ensure_future(manager.snapshot()) for _ in range(500)]
        await asyncio.sleep(0)
        permits.release()
        busy = {id(snapshot) for snapshot in await asyncio.gather(*joining)}
        assert (len(idle), len(busy)) == (1, 1)
        permits.release()
        await manager.emit(end())


@given(st.lists(st.sampled_from(["a", "bc", None, "retract"]), max_size=20), st.floats(0, 1))
async def test_a_snapshot_at_any_moment_and_what_follows_are_the_whole(
    said: list[str | None], share: float
) -> None:
    async with a_run() as (manager, _):
        snapshot, moment = None, round(share * len(said))
        for number, text in enumerate([*said, None]):
            if number == moment:
                snapshot = await manager.snapshot()
            match text:
                case None:
                    await say(manager, status("on the way"))
                case "retract":
                    await say(manager, retract_to(1))
                case _:
                    await say(manager, StreamEvent.create_chunk(text))
        await manager.emit(end())
        assert snapshot is not None
        receipt = await rest_of(manager, snapshot)
        assert receipt.problems == []
        assert receipt.fold.text == manager.fold.text
        assert receipt.fold.statuses == manager.fold.statuses


async def test_the_snapshot_of_an_ended_run_is_followed_by_its_end() -> None:
    async with a_run() as (manager, store):
        await manager.emit(StreamEvent.create_chunk("all of it"))
        await manager.emit(end())
        snapshot = await manager.snapshot()
        assert snapshot is not None
        assert snapshot.seq == manager.log.last_seq - 1
        assert snapshot == await store.snapshot(manager.run_id)
        receipt = await rest_of(manager, snapshot)
        assert (receipt.problems, receipt.outcome) == ([], Outcome.ANSWERED)


async def test_what_the_store_alone_knows_is_asked_of_the_store() -> None:
    async with a_run() as (manager, store):
        await say(manager, StreamEvent.create_chunk("kept"))
        run = await store.cancel(manager.run_id, SYSTEM_CLOCK.now())
        await say(manager, StreamEvent.create_chunk(", not kept"))
        assert await manager.snapshot() is None
        assert (await snapshot_ended(run, store)).event.content == "kept"


async def test_a_run_that_nobody_works_on_is_folded() -> None:
    async with a_run() as (manager, store):
        await say(manager, StreamEvent.create_chunk("so far"))
        run = await store.get_run(manager.run_id, "")
        assert await snapshot_ended(run, store) == await manager.snapshot()


async def test_a_run_ends_whoever_does_not_read() -> None:
    async with (
        a_run(memory_bytes=10_000) as (manager, _),
        aclosing(manager.view(None, BATCH_BYTES, may_merge=True)) as viewer,
    ):
        await anext(viewer)  # and never again
        for number in range(2_000):
            await say(manager, StreamEvent.create_chunk(f"part {number} "))
        await manager.emit(end())
        assert manager.log.closed


async def watch_slowly(
    manager: StreamingManager, said: Sequence[StreamEvent], *, may_merge: bool = True
) -> list[StreamEvent]:
    """What a viewer gets that takes one batch, and the next once everything was said."""
    got: list[StreamEvent] = []
    async with aclosing(manager.view(None, BATCH_BYTES, may_merge=may_merge)) as viewer:
        got += [logged.event for logged in await anext(viewer)]
        for event in said:
            await say(manager, event)
        await manager.emit(end())
        async for batch in viewer:
            assert len(batch) == 1 or sum(len(e.data) for e in batch) < 2 * BATCH_BYTES
            got += [logged.event for logged in batch]
    return got


def a_long_answer() -> list[StreamEvent]:
    said: list[StreamEvent] = []
    for part in range(5):
        said.append(status(f"part {part}"))
        said += [StreamEvent.create_chunk(f"{part}.{n} ") for n in range(20)]
    return said


async def test_a_viewer_that_lags_gets_adjacent_chunks_as_one() -> None:
    async with a_run() as (manager, _):
        got = await watch_slowly(manager, a_long_answer())
        receipt = Receipt()
        for event in got:
            receipt.take(event)
        spans = [event.metadata["merged"] for event in got if "merged" in event.metadata]
        assert receipt.problems == []
        assert content_sha256(receipt.fold.text) == got[-1].metadata["content_sha256"]
        assert len(got) < manager.log.last_seq // 2
        assert spans
        whole = [event async for event in manager.stream()]
        assert [e for e in got if e.type not in CHUNK_TYPES] == [
            e for e in whole if e.type not in CHUNK_TYPES
        ]


async def test_a_viewer_that_memory_has_let_go_of_gets_a_snapshot() -> None:
    async with a_run(memory_bytes=5_000) as (manager, _):
        got = await watch_slowly(manager, a_long_answer())
        receipt, fold = Receipt(), RunFold()
        for event in got:
            receipt.take(event)
        async for event in manager.stream():
            fold.apply(event)
        assert [event.type for event in got].count(EventType.SNAPSHOT) == 1
        assert receipt.problems == []
        assert (receipt.fold.text, receipt.fold.statuses) == (fold.text, fold.statuses)


async def test_a_viewer_that_wants_every_event_gets_every_event() -> None:
    async with a_run(memory_bytes=5_000) as (manager, _):
        got = await watch_slowly(manager, a_long_answer(), may_merge=False)
        assert [event.seq for event in got] == list(range(1, manager.log.last_seq + 1))


async def test_a_viewer_that_only_came_late_gets_every_event() -> None:
    async with a_run() as (manager, _):
        for event in a_long_answer():
            await say(manager, event)
        await manager.emit(end())
        view = manager.view(None, BATCH_BYTES, may_merge=True)
        seqs = [logged.seq async for batch in view for logged in batch]
        assert seqs == list(range(1, manager.log.last_seq + 1))


async def test_a_retract_never_goes_back_into_a_text() -> None:
    async with a_run() as (manager, _):
        await say(manager, StreamEvent.create_chunk("a"))
        await say(manager, StreamEvent.create_chunk("b"))
        for seq in (2, 3):
            with pytest.raises(InvalidRequestError, match=f"event {seq}, which is an increment"):
                await manager.emit(retract_to(seq))
        await manager.emit(retract_to(1))
        await manager.emit(end())
        assert manager.fold.text == ""
