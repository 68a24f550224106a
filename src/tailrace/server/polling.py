"""Floor 6: polling, the same log in JSON answers, for whoever cannot follow a stream.

Rule 1: an answer leaves as soon as there is anything; until then it waits for the log, not a timer.
Rule 2: an answer is bounded in bytes; the next begins where its `cursor` says.
"""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from typing import Final

import msgspec
from pydantic import BaseModel, Field
from starlette.responses import Response

from tailrace.agent import ContextAgent
from tailrace.events.event import Cursor
from tailrace.events.logged import LoggedEvent
from tailrace.server.following import REJOIN_S
from tailrace.server.stream_response import StreamLimits
from tailrace.stores.base import LIVE_STATES, RunRow, RunState

_NONE: Final[Sequence[LoggedEvent]] = ()


class EventPage(BaseModel):
    """What a long poll brings."""

    events: list[dict[str, object]] = Field(description="Events, as a stream has them.")
    cursor: str = Field(description="What to ask for next, as `after`.")
    status: RunState = Field(description="How far the run is.")
    done: bool = Field(description="Whether nothing more will come.")


async def poll(
    agent: ContextAgent, run: RunRow, after: Cursor, wait_s: float, first: LoggedEvent | None
) -> Response:
    """The events after `after`, or `first`, a snapshot, and what follows it; in `wait_s` at most.

    Raises:
        TailraceError: the events cannot be read.
    """
    events: list[LoggedEvent] = [] if first is None else [first]
    place = after if first is None else first.cursor
    view = await agent.view(
        run.run_id,
        after=place,
        owner=run.owner,
        max_bytes=StreamLimits.of(agent.parts.settings).batch_bytes,
        grace_s=REJOIN_S,
    )
    is_there = run.last_seq > place.seq
    async with aclosing(view):
        if is_there:
            events += await anext(view, _NONE)
        elif first is None and wait_s and run.state in LIVE_STATES:
            try:
                async with asyncio.timeout(wait_s):
                    events += await anext(view, _NONE)
            except TimeoutError:
                pass
    now = await agent.parts.store.get_run(run.run_id, run.owner)
    cursor = events[-1].cursor if events else place
    done = now.state not in LIVE_STATES and cursor.seq == now.last_seq
    rest = {"cursor": str(cursor), "status": now.state.value, "done": done}
    body = b'{"events":[%b],%b' % (
        b",".join([event.data for event in events]),
        msgspec.json.encode(rest)[1:],
    )
    headers = {"x-run-status": now.state.value, "x-run-id": run.run_id, "cache-control": "no-store"}
    return Response(body, headers=headers, media_type="application/json")
