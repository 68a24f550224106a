"""Floor 6: following, how a request becomes a viewer of a run's log."""

from collections.abc import Sequence

from tailrace.agent import ContextAgent
from tailrace.dialects.base import Dialect
from tailrace.errors import CursorError
from tailrace.events.event import Cursor
from tailrace.server.event_stream import EventStream
from tailrace.server.stream_response import StreamLimits
from tailrace.stores.base import RunRow


async def follow(
    agent: ContextAgent,
    run: RunRow,
    dialect: Dialect,
    *,
    after: Cursor | None = None,
    headers: Sequence[tuple[str, str]] = (),
) -> EventStream:
    """The response that sends the run's events after `after`; the cursor must be one of its log.

    Raises:
        NotFoundError: there is no such run.
    """
    limits = StreamLimits.of(agent.parts.settings)
    batches = await agent.view(
        run.run_id,
        after=after if dialect.stateless else None,
        owner=run.owner,
        max_bytes=limits.batch_bytes,
    )
    return EventStream(
        batches,
        dialect,
        after=after or Cursor(run.gen, 0),
        limits=limits,
        headers=(("x-run-id", run.run_id), *headers),
    )


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
