"""Floor 2: a viewer, one reader of one log with a cursor of its own.

Rule 1: a viewer pulls; it never slows the run or another viewer.
Rule 2: it sees every event after its cursor once, in order, whether from memory or the store.
"""

from collections.abc import AsyncGenerator, Sequence
from typing import Final

from tailrace.errors import CursorError
from tailrace.events.event import Cursor
from tailrace.events.logged import LoggedEvent
from tailrace.stores.base import RunRow, RunStore
from tailrace.streaming.log import EventLog

_PAGE: Final = 500


async def view(
    run_id: str,
    gen: int,
    store: RunStore,
    log: EventLog,
    after: Cursor | None,
    max_bytes: int,
) -> AsyncGenerator[Sequence[LoggedEvent], None]:
    """The events of a live run after `after`, batch by batch, to the end of its log.

    Raises:
        CursorError: `after` is ahead of the log, or of another generation.
        StoreError: older events cannot be read.
    """
    seq = check_cursor(after, gen, log.last_seq)
    while True:
        events = log.since(seq, max_bytes)
        if events is None:
            events = await store.read(run_id, seq, _PAGE)
        if events:
            yield events
            seq = events[-1].seq
        elif log.closed:
            return
        else:
            await log.grown(seq)


async def view_ended(
    run: RunRow, store: RunStore, after: Cursor | None
) -> AsyncGenerator[Sequence[LoggedEvent], None]:
    """The events of a run that nobody works on, after `after`, page by page.

    Raises:
        CursorError: `after` is ahead of the log, or of another generation.
        StoreError: the events cannot be read.
    """
    seq = check_cursor(after, run.gen, run.last_seq)
    while seq < run.last_seq:
        events = await store.read(run.run_id, seq, _PAGE)
        if not events:
            return
        yield events
        seq = events[-1].seq


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
