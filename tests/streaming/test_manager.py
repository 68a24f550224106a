"""StreamingManager: one writer, commit before delivery, viewers of their own pace."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace._clock import SYSTEM_CLOCK
from tailrace.errors import CursorError, LogClosedError, StoreError, WrongLoopError
from tailrace.events.ending import content_sha256, ending
from tailrace.events.event import Cursor, StreamEvent
from tailrace.events.logged import LoggedEvent
from tailrace.events.types import EventType, NodeType, Outcome, WorkflowStage
from tailrace.stores.base import FinalState, StageResult
from tailrace.stores.sqlite.database import Synchronous
from tailrace.stores.sqlite.store import SQLiteStore
from tailrace.streaming.manager import StreamingManager
from tailrace.testing.made_runs import accepted_run


class GatedStore(SQLiteStore):
    """The real store, whose commits wait at a gate: what a slow disk does, under control."""

    gate: asyncio.Event
    ranges: list[tuple[int, int]]

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
        self.ranges.append((first_seq, events[-1].seq))
        real = super().append

        async def commit() -> int:
            await self.gate.wait()
            return await real(
                run_id,
                epoch,
                first_seq,
                events,
                stage=stage,
                stage_result=stage_result,
                final_state=final_state,
            )

        return asyncio.ensure_future(commit())


@asynccontextmanager
async def open_manager(
    tmp_path: Path, log_memory_bytes: int = 1 << 20
) -> AsyncGenerator[tuple[StreamingManager, GatedStore]]:
    store = await GatedStore.open(tmp_path / "home.db", Synchronous.NORMAL)
    store.gate, store.ranges = asyncio.Event(), []
    store.gate.set()
    accepted = await accepted_run(store)
    manager = StreamingManager(accepted.run, accepted.first_event, store, log_memory_bytes)
    async with asyncio.timeout(30):
        yield manager, store
    store.gate.set()
    await manager.settled()
    await store.aclose()


def chunk(text: str) -> StreamEvent:
    return StreamEvent.create_chunk(text)


def end(outcome: Outcome = Outcome.ANSWERED) -> StreamEvent:
    return ending(outcome, SYSTEM_CLOCK.now())


async def collect(manager: StreamingManager, after: Cursor | None = None) -> list[StreamEvent]:
    return [event async for event in manager.stream(after)]


def text_of(events: Sequence[StreamEvent]) -> str:
    return "".join(event.content for event in events if event.type is EventType.STREAM_CHUNK)


async def test_a_viewer_sees_everything_in_order_to_the_terminal_event(tmp_path: Path) -> None:
    async with open_manager(tmp_path) as (manager, _):
        viewer = asyncio.ensure_future(collect(manager))
        for text in ["It ", "is ", "done."]:
            await manager.emit(chunk(text))
        await manager.emit(end())
        events = await viewer
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        assert text_of(events) == "It is done."
        assert [event.is_terminal for event in events].count(True) == 1
        assert events[-1].metadata["last_seq"] == events[-1].seq
        assert events[-1].metadata["content_sha256"] == content_sha256("It is done.")


async def test_nobody_sees_an_event_before_it_is_committed(tmp_path: Path) -> None:
    async with open_manager(tmp_path) as (manager, store):
        store.gate.clear()
        await manager.emit(chunk("not yet kept"))
        assert manager.log.last_seq == 1
        assert manager.log.since(1, 1 << 20) == []
        store.gate.set()
        await manager.settled()
        assert text_of([event.event for event in manager.log.newest(1)]) == "not yet kept"


async def test_tokens_that_arrive_during_a_commit_become_one_chunk(tmp_path: Path) -> None:
    async with open_manager(tmp_path) as (manager, store):
        store.gate.clear()
        for text in ["a", "b", "c", "d"]:
            await manager.emit(chunk(text))
        store.gate.set()
        await manager.emit(end())
        events = await collect(manager)
        chunks = [event for event in events if event.type is EventType.STREAM_CHUNK]
        assert [event.content for event in chunks] == ["a", "bcd"]
        assert [event.metadata for event in chunks] == [
            {"index": 0, "offset": 0},
            {"index": 1, "offset": 1},
        ]


async def test_chunks_never_merge_across_another_event_a_stage_or_a_node(tmp_path: Path) -> None:
    thinking = StreamEvent.create_node_event(
        NodeType.EXECUTE, EventType.DONE, WorkflowStage.EXECUTION, "between"
    )
    async with open_manager(tmp_path) as (manager, store):
        store.gate.clear()
        await manager.emit(chunk("first"))
        await manager.emit(chunk("a"))
        await manager.emit(thinking)
        await manager.emit(chunk("b"))
        await manager.emit(StreamEvent.create_chunk("c", stage=WorkflowStage.INTENT_ANALYSIS))
        store.gate.set()
        await manager.emit(end())
        events = await collect(manager)
        assert [event.content for event in events[1:-1]] == ["first", "a", "between", "b", "c"]


@given(
    st.lists(st.one_of(st.text(max_size=4).filter(bool), st.just(None)), min_size=1, max_size=40),
    st.floats(0, 1),
)
async def test_whatever_is_said_is_read_back_whole_from_any_cursor(
    tmp_path_factory: pytest.TempPathFactory, said: list[str | None], share: float
) -> None:
    """`None` stands for a turn of the event loop, in which a commit may end."""
    async with open_manager(tmp_path_factory.mktemp("home"), 600) as (manager, store):
        for text in said:
            if text is None:
                await asyncio.sleep(0)
            else:
                await manager.emit(chunk(text))
        await manager.emit(end())
        whole = await collect(manager)
        stored = await store.read(manager.run_id, 0, 1_000)
        cut = round(share * len(whole))
        assert [event.seq for event in whole] == list(range(1, len(whole) + 1))
        assert text_of(whole) == "".join(text or "" for text in said)
        assert [logged.event for logged in stored] == whole
        assert await collect(manager, Cursor(1, cut)) == whole[cut:]
        offset = 0
        for event in whole:
            if event.type is EventType.STREAM_CHUNK:
                assert event.metadata["offset"] == offset
                offset += len(event.content)


async def test_a_full_buffer_makes_the_writer_wait_and_loses_nothing(tmp_path: Path) -> None:
    note = StreamEvent(type=EventType.TOOL_CALL, stage=WorkflowStage.EXECUTION)
    async with open_manager(tmp_path) as (manager, store):
        store.gate.clear()
        for _ in range(1_001):
            await manager.emit(note)
        blocked = asyncio.ensure_future(manager.emit(note))
        await asyncio.sleep(0)
        assert not blocked.done()
        store.gate.set()
        await blocked
        await manager.emit(end())
        assert len(await collect(manager)) == 1 + 1_002 + 1


async def test_nothing_is_taken_after_the_terminal_event(tmp_path: Path) -> None:
    async with open_manager(tmp_path) as (manager, store):
        store.gate.clear()
        last = asyncio.ensure_future(manager.emit(end(Outcome.CANCELLED)))
        await asyncio.sleep(0)
        with pytest.raises(LogClosedError):
            await manager.emit(chunk("late"))
        store.gate.set()
        await last
        events = await collect(manager)
        assert [event.type for event in events] == [EventType.RUNNING, EventType.INTERRUPTED]


async def test_a_stage_result_is_committed_with_the_event_that_ends_the_stage(
    tmp_path: Path,
) -> None:
    done = StreamEvent.create_node_event(
        NodeType.INTENT, EventType.DONE, WorkflowStage.INTENT_ANALYSIS, "understood"
    )
    result = StageResult(stage=WorkflowStage.INTENT_ANALYSIS, output={"type": "qa_analysis"})
    async with open_manager(tmp_path) as (manager, store):
        await manager.emit(done, stage_result=result)
        kept = msgspec.structs.replace(result, seq=2)
        assert await store.stage_results(manager.run_id) == [kept]
        assert (await store.get_run(manager.run_id, "")).stage is WorkflowStage.INTENT_ANALYSIS
        await manager.emit(end())


async def test_a_closed_viewer_ends_nothing_but_itself(tmp_path: Path) -> None:
    async with open_manager(tmp_path) as (manager, _):
        async with aclosing(manager.stream()) as viewer:
            assert (await anext(viewer)).seq == 1
        await manager.emit(chunk("on and on"))
        await manager.emit(end())
        assert text_of(await collect(manager)) == "on and on"


async def test_a_cursor_ahead_of_the_log_is_refused(tmp_path: Path) -> None:
    async with open_manager(tmp_path) as (manager, _):
        for cursor in (Cursor(1, 2), Cursor(2, 0)):
            with pytest.raises(CursorError, match="ahead"):
                await collect(manager, cursor)


async def test_a_writer_whose_epoch_is_stale_learns_it_and_viewers_are_let_go(
    tmp_path: Path,
) -> None:
    async with open_manager(tmp_path) as (manager, store):
        await store.cancel(manager.run_id, SYSTEM_CLOCK.now())
        await manager.emit(chunk("unheard"))
        await manager.settled()
        with pytest.raises(StoreError):
            await manager.emit(chunk("still unheard"))
        await manager.recover()
        assert [event.type for event in await collect(manager)] == [
            EventType.RUNNING,
            EventType.INTERRUPTED,
        ]


async def test_another_event_loop_cannot_speak_for_the_run(tmp_path: Path) -> None:
    async with open_manager(tmp_path) as (manager, _):
        with pytest.raises(WrongLoopError):
            await asyncio.to_thread(asyncio.run, manager.emit(chunk("from elsewhere")))


async def test_a_late_viewer_reads_what_memory_has_let_go_from_the_store(tmp_path: Path) -> None:
    async with open_manager(tmp_path, log_memory_bytes=500) as (manager, _):
        for i in range(50):
            await manager.emit(chunk(f"part {i} "))
            await manager.settled()
        await manager.emit(end())
        assert manager.log.since(0, 1 << 20) is None
        events = await collect(manager)
        assert [event.seq for event in events] == list(range(1, 53))
