"""Floor 2: a viewer, one reader of one log with a cursor of its own.

Rule 1: a viewer pulls; it never slows the run or another viewer.
Rule 2: it sees every event after its cursor once, in order, whether from memory or the store; or,
    where it may and falls behind, chunks that are merged, and at worst a snapshot of them all.
Rule 3: what it is given at once is bounded.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from contextlib import aclosing
from typing import Final

import msgspec

from tailrace.errors import CursorError
from tailrace.events.event import Cursor
from tailrace.events.fold import RunFold
from tailrace.events.logged import LoggedEvent
from tailrace.stores.base import RunRow, RunStore
from tailrace.streaming.log import EventLog, Sink
from tailrace.streaming.merging import merged

_LARGEST_PAGE: Final = 500
_FIRST_PAGE: Final = 100
_BATCH_BYTES: Final = 64 * 1024
_BATCHES_BEHIND: Final = 4
"""A viewer that has fallen behind by more batches than that is slow."""

Snapshot = Callable[[], Awaitable[LoggedEvent | None]]
"""Gives what the log amounts to by now; None where it cannot be told."""


class LiveLog(msgspec.Struct, frozen=True):
    """A log that goes on: its newest events in memory, the others in the store."""

    run_id: str
    gen: int
    store: RunStore
    tail: EventLog


async def view(
    log: LiveLog,
    after: Cursor | None,
    max_bytes: int,
    snapshot: Snapshot | None = None,
    sink: Sink | None = None,
) -> AsyncGenerator[Sequence[LoggedEvent], None]:
    """The events of a live run after `after`, batch by batch, to the end of its log.

    Args:
        log: The run's.
        after: Where the viewer stands; from the start by default.
        max_bytes: A batch holds at most so much, but at least one event.
        snapshot: What a viewer that falls far behind gets; None: every event as it is.
        sink: What is given the events that come while the viewer is up to date, as long as it
            takes them; they are not yielded too.

    Raises:
        CursorError: `after` is ahead of the log, or of another generation.
        StoreError: older events cannot be read.
    """
    tail = log.tail
    seq = check_cursor(after, log.gen, tail.last_seq)
    pages, lag = _Pages(log.store, log.run_id, max_bytes), _Lag(tail, _BATCHES_BEHIND * max_bytes)
    while True:
        events = tail.since(seq, max_bytes)
        is_slow = snapshot is not None and lag.is_long
        if events is None and is_slow and snapshot is not None:
            shown = await snapshot()
            if shown is not None and shown.seq > seq:
                lag.is_over()
                yield [shown]
                seq = shown.seq
                continue
        if events is None:
            for part in await pages.after(seq):
                lag.shrinks_by(part)
                yield part
                seq = part[-1].seq
        elif events:
            lag.shrinks_by(events)
            yield merged(events) if is_slow else events
            seq = events[-1].seq
        elif tail.closed:
            return
        elif sink is None:
            await tail.grown(seq)
        else:
            seq, size_bytes = await tail.fed(seq, sink)
            lag.is_fed(size_bytes)


async def view_ended(
    run: RunRow, store: RunStore, after: Cursor | None, max_bytes: int = _BATCH_BYTES
) -> AsyncGenerator[Sequence[LoggedEvent], None]:
    """The events of a run that nobody works on, after `after`, batch by batch.

    Raises:
        CursorError: `after` is ahead of the log, or of another generation.
        HistoryTrimmedError: the events after `after` were let go of.
        StoreError: the events cannot be read.
    """
    seq = check_cursor(after, run.gen, run.last_seq)
    pages = _Pages(store, run.run_id, max_bytes)
    while seq < run.last_seq:
        parts = await pages.after(seq)
        for part in parts:
            yield part
            seq = part[-1].seq
        if not parts:
            return


async def snapshot_ended(run: RunRow, store: RunStore) -> LoggedEvent:
    """What the log of a run that nobody works on amounts to, but for its terminal event.

    Raises:
        StoreError: it cannot be read.
    """
    kept = await store.snapshot(run.run_id)
    if kept is not None:
        return kept
    fold = RunFold()  # live and left alone, or ended before snapshots were kept
    async with aclosing(view_ended(run, store, None)) as batches:
        async for batch in batches:
            for logged in batch:
                fold.apply(logged.event)
    return fold.snapshot()


def check_cursor(after: Cursor | None, gen: int, last_seq: int) -> int:
    """The seq that `after` stands at; 0 without one.

    Raises:
        CursorError: it is ahead of the log, or of another generation.
    """
    if after is None:
        return 0
    if after.gen != gen or after.seq > last_seq:
        msg = (
            f"the cursor {after} is ahead of this run's log, which stands at {gen}-{last_seq}; "
            "watch from the start, or with the id of an event of this run"
        )
        raise CursorError(msg)
    return after.seq


class _Lag:
    """How far a viewer has fallen behind, counted from where it was nearest to the log's end.

    One that joins late and catches up is not slow, however much there is to catch up with.
    """

    def __init__(self, log: EventLog, long_bytes: int) -> None:
        self._log = log
        self._long_bytes = long_bytes
        self._taken = 0
        self._least = log.appended_bytes

    @property
    def is_long(self) -> bool:
        """Whether the viewer is slow."""
        behind = self._log.appended_bytes - self._taken
        self._least = min(self._least, behind)
        return behind - self._least > self._long_bytes

    def shrinks_by(self, events: Sequence[LoggedEvent]) -> None:
        """The viewer takes these events of the log."""
        self._taken += sum(len(event.data) for event in events)

    def is_fed(self, size_bytes: int) -> None:
        """The viewer was given so much as it came."""
        self._taken += size_bytes

    def is_over(self) -> None:
        """The viewer is given all there is."""
        self._taken = self._log.appended_bytes - self._least


class _Pages:
    """Reads a log from the store, in pages that fit what a viewer may be given at once."""

    def __init__(self, store: RunStore, run_id: str, max_bytes: int) -> None:
        self._store = store
        self._run_id = run_id
        self._max_bytes = max_bytes
        self._limit = _FIRST_PAGE

    async def after(self, seq: int) -> list[Sequence[LoggedEvent]]:
        """The next events after `seq`, in parts of at most `max_bytes`; empty at the end."""
        page = await self._store.read(self._run_id, seq, self._limit)
        size = sum(len(event.data) for event in page)
        if size:
            self._limit = max(1, min(_LARGEST_PAGE, 4 * self._max_bytes * len(page) // size))
        return list(_parts(page, self._max_bytes))


def _parts(page: Sequence[LoggedEvent], max_bytes: int) -> Generator[Sequence[LoggedEvent]]:
    start = size = 0
    for at, event in enumerate(page):
        if at > start and size + len(event.data) > max_bytes:
            yield page[start:at]
            start, size = at, 0
        size += len(event.data)
    if page:
        yield page[start:]
