"""Floor 6: following, how a request becomes a viewer of a run's log."""

from collections.abc import AsyncGenerator, Sequence
from typing import Final

from tailrace.agent import ContextAgent
from tailrace.agent.attendance import AttendedView
from tailrace.dialects.base import Dialect
from tailrace.errors import CursorError
from tailrace.events.event import Cursor
from tailrace.events.logged import LoggedEvent
from tailrace.server.event_stream import EventStream
from tailrace.server.stream_response import StreamLimits
from tailrace.stores.base import RunRow

REJOIN_S: Final = 30.0
"""How long a client that will come back may take for that."""


async def follow(
    agent: ContextAgent,
    run: RunRow,
    dialect: Dialect,
    *,
    after: Cursor | None = None,
    headers: Sequence[tuple[str, str]] = (),
    first: LoggedEvent | None = None,
    named_heartbeat: bool = False,
) -> EventStream:
    """The response that sends the run's events after `after`; the cursor must be one of its log.

    With `first`, a snapshot, it sends that and the events after it. A dialect that keeps a state
    gets every event as it is; any other may get merged chunks where its viewer lags.

    Raises:
        NotFoundError: there is no such run.
    """
    limits = StreamLimits.of(agent.parts.settings)
    place = after if first is None else first.cursor

    def take(events: Sequence[LoggedEvent]) -> bool:
        return stream.take(events)

    batches = await agent.view(
        run.run_id,
        after=place if dialect.stateless else None,
        owner=run.owner,
        max_bytes=limits.batch_bytes,
        may_merge=dialect.stateless,
        sink=take,
    )
    stream = EventStream(
        batches,
        dialect,
        after=after or Cursor(run.gen, 0),
        limits=limits,
        headers=(("x-run-id", run.run_id), *headers),
        first=first,
        named_heartbeat=named_heartbeat,
        on_time_up=lambda: expect_back(batches),
    )
    return stream


def expect_back(batches: AsyncGenerator[Sequence[LoggedEvent], None]) -> None:
    """The viewer of `batches` is about to be sent away, and will rejoin: it has not left."""
    if isinstance(batches, AttendedView):
        batches.grace_s = REJOIN_S


def parse_cursor(last_event_id: str | None, after: str | None) -> Cursor | None:
    """Where the client stands; what its reader sends by itself wins over the address.

    Raises:
        CursorError: it is not a cursor.
    """
    text = last_event_id or after
    if text is None:
        return None
    if not text:
        msg = "the cursor is empty; leave `after` out to watch from the start"
        raise CursorError(msg)
    return Cursor.parse(text)
