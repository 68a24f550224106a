"""Floor 6: watching a run: from anywhere in its log, as a stream or in pieces.

Rule 1: a cursor is checked before the first byte leaves, so that a wrong one is a 400, and one
    into history that was let go of a 410: nothing is ever skipped without a word.
Rule 2: where the client stands wins over where it asks to begin: a reader that reconnects brings
    its cursor, and the address it asked for first.
"""

from typing import Annotated, Literal, NamedTuple

from fastapi import APIRouter, Header, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from tailrace.agent import ContextAgent
from tailrace.dialects.base import Dialect
from tailrace.dialects.registry import open_dialect
from tailrace.errors import CursorError, HistoryTrimmedError, InvalidRequestError
from tailrace.events.event import Cursor
from tailrace.events.logged import LoggedEvent
from tailrace.server.caller import AgentOf, CallerOf
from tailrace.server.following import follow, parse_cursor
from tailrace.server.polling import EventPage, poll
from tailrace.server.problems import problem
from tailrace.server.runs import RunId, find
from tailrace.server.shapes import Problem
from tailrace.server.viewers import check_room
from tailrace.stores.base import LIVE_STATES, RunRow
from tailrace.streaming.viewer import check_cursor

router = APIRouter(prefix="/api/agent/runs", tags=["runs"])

LastEventId = Annotated[
    str | None, Header(description="Where the client stands; wins over `after`.")
]
After = Annotated[
    str | None, Query(description="Where the client stands: the id of the last event it has.")
]
Heartbeat = Annotated[
    Literal["comment", "event"],
    Query(description="What breaks a silence: a comment, or an event named `heartbeat`."),
]
_STATUS = {"schema": {"type": "string"}, "description": "How far the run is."}


class Watch(BaseModel):
    """How a run is watched."""

    after: str | None = Field(
        default=None, description="Where the client stands: the id of the last event it has."
    )
    start: Literal["start", "snapshot", "live"] = Field(
        default="start",
        alias="from",
        description="Where to begin without a cursor: with the first event; with one event that "
        "holds what all before it amount to; or with what comes from now on.",
    )
    dialect: str = Field(
        default="native", description="How events are shaped: `native`, or `seed`."
    )
    wait_s: float = Field(
        default=0.0,
        ge=0,
        le=60,
        description="For a JSON answer: how long to wait for an event, in seconds.",
    )
    heartbeat: Literal["comment", "event"] = Field(
        default="comment",
        description="What breaks a silence: a comment, or an event named `heartbeat`.",
    )


class _Place(NamedTuple):
    """Where a viewer begins.

    Attributes:
        after: Its cursor.
        first: A snapshot that it gets before what follows that.
    """

    after: Cursor
    first: LoggedEvent | None = None


@router.get(
    "/{run_id}/events",
    summary="Watch a run",
    response_class=Response,
    responses={
        200: {
            "description": "The run's events after the cursor, to its end; as JSON, a piece.",
            "model": EventPage,
            "content": {"text/event-stream": {}},
            "headers": {"X-Run-Id": {"schema": {"type": "string"}}, "X-Run-Status": _STATUS},
        },
        204: {"description": "The run has ended, and nothing is left after the cursor."},
        400: {"model": Problem, "description": "The cursor does not fit this run."},
        404: {"model": Problem, "description": "There is no such run."},
        410: {
            "model": Problem,
            "description": "The events after the cursor were let go of; `snapshot_url` has what "
            "they amount to.",
            "headers": {"Link": {"schema": {"type": "string"}}},
        },
        429: {"model": Problem, "description": "Too many streams are open; poll instead."},
    },
)
async def watch_run(
    run_id: RunId,
    request: Request,
    agent: AgentOf,
    caller: CallerOf,
    watch: Annotated[Watch, Query()],
    last_event_id: LastEventId = None,
) -> Response:
    """Follow a run from its start or from a cursor, as often and from wherever one likes.

    With `Accept: application/json` the answer is one JSON object, which leaves as soon as there is
    an event or `wait_s` has passed; ask again with its `cursor` until it is `done`.
    """
    shape = open_dialect(watch.dialect)
    run = await find(agent, run_id, caller)
    accept = request.headers.get("accept", "")
    as_json = "application/json" in accept and "text/event-stream" not in accept
    if not as_json:
        check_room(request)
    status = {"x-run-status": run.state.value, "x-run-id": run.run_id}
    try:
        cursor = parse_cursor(last_event_id, watch.after)
        place = await _place(agent, run, cursor, watch.start, shape)
    except CursorError as error:
        return problem(error.code, error.message, headers=status)
    except HistoryTrimmedError as error:
        root = str(request.scope.get("root_path") or "")
        url = f"{root}{router.prefix}/{run_id}/events?from=snapshot"
        headers = {**status, "link": f'<{url}>; rel="alternate"'}
        return problem(error.code, error.message, headers=headers, snapshot_url=url)
    if run.state not in LIVE_STATES and place.first is None and place.after.seq == run.last_seq:
        return Response(status_code=204, headers=status)
    if as_json:
        _check_native(shape)
        wait_s = min(watch.wait_s, agent.parts.settings.max_poll_s)
        return await poll(agent, run, place.after, wait_s, place.first)
    return await follow(
        agent,
        run,
        shape,
        after=place.after,
        first=place.first,
        headers=[("x-run-status", run.state.value)],
        named_heartbeat=watch.heartbeat == "event",
    )


async def _place(
    agent: ContextAgent, run: RunRow, cursor: Cursor | None, start: str, dialect: Dialect
) -> _Place:
    """Where the viewer begins.

    Raises:
        CursorError: the cursor is not one of this log.
        HistoryTrimmedError: what it wants first was let go of.
        InvalidRequestError: the dialect knows no snapshots.
    """
    place = _Place(cursor or Cursor(run.gen, 0))
    check_cursor(cursor, run.gen, run.last_seq)
    if cursor is None and start == "live":
        place = _Place(Cursor(run.gen, run.last_seq))
    if cursor is None and start == "snapshot":
        _check_native(dialect)
        return _Place(place.after, await agent.snapshot(run))
    if (place.after.seq if dialect.stateless else 0) < run.trimmed_seq:
        raise HistoryTrimmedError(run.run_id, run.trimmed_seq)
    return place


def _check_native(dialect: Dialect) -> None:
    """Refuse a dialect that has to see every event, one after another.

    Raises:
        InvalidRequestError: it has.
    """
    if not dialect.stateless:
        msg = f"the dialect {dialect.name} can only be streamed, from the first event or a cursor"
        raise InvalidRequestError(msg)
