"""Floor 6: watching a conversation: its runs one after the other, in one stream.

Rule 1: an id is `<run_id>:<gen>-<seq>`; whoever has it gets the rest of that run, and then the next
    runs, each from its first event.
Rule 2: a run whose history was let go of comes as its snapshot and its end.
Rule 3: it never ends by itself: after the newest run it waits for the next one.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Annotated, ClassVar, Final, Literal, NamedTuple, final

from fastapi import APIRouter, Query
from starlette.responses import Response
from starlette.types import Send

from tailrace._ids import RUN_ID_LENGTH, is_run_id
from tailrace.agent import ContextAgent
from tailrace.agent.attendance import Batches
from tailrace.errors import CursorError, NotFoundError
from tailrace.events.event import Cursor
from tailrace.events.logged import LoggedEvent
from tailrace.server.caller import AgentOf, CallerOf
from tailrace.server.conversations import PathId
from tailrace.server.following import expect_back
from tailrace.server.run_events import After, Heartbeat, LastEventId
from tailrace.server.shapes import Problem
from tailrace.server.stream_response import StreamLimits, StreamResponse, ViewerGoneError
from tailrace.server.viewers import MAY_VIEW
from tailrace.stores.base import LIVE_STATES, RunRow
from tailrace.streaming.viewer import check_cursor
from tailrace.wire import sse
from tailrace.wire.frame import Frame

router = APIRouter(prefix="/api/agent/conversations", tags=["conversations"])

_From = Annotated[
    Literal["start", "live"],
    Query(alias="from", description="Where to begin without a cursor."),
]
_PAGE: Final = 50
_MEMO: Final = "sse:conversation"
_BEFORE_ALL: Final = "0" * RUN_ID_LENGTH
"""The run of the cursor before a conversation's first run."""


class Place(NamedTuple):
    """Where a viewer of a conversation stands; `<run_id>:<gen>-<seq>` on the wire."""

    run_id: str
    cursor: Cursor

    def __str__(self) -> str:
        return f"{self.run_id}:{self.cursor}"

    @classmethod
    def parse(cls, text: str) -> "Place":
        """The place written as `text`.

        Raises:
            CursorError: it is not of the form `<run_id>:<gen>-<seq>`.
        """
        run_id, colon, cursor = text.partition(":")
        if not colon or not is_run_id(run_id):
            msg = f"the cursor {text[:60]!r} is not of the form <run_id>:<gen>-<seq>"
            raise CursorError(msg)
        return cls(run_id, Cursor.parse(cursor))


_START: Final = Place(_BEFORE_ALL, Cursor(1, 0))


@router.get(
    "/{cid}/events",
    summary="Watch a conversation",
    response_class=Response,
    dependencies=[MAY_VIEW],
    responses={
        200: {
            "description": "The events of its runs, one run after the other, in the native "
            "dialect; an id is `<run_id>:<gen>-<seq>`.",
            "content": {"text/event-stream": {}},
        },
        400: {"model": Problem, "description": "The cursor is not one of this conversation."},
        404: {"model": Problem, "description": "There is no such conversation."},
        429: {"model": Problem, "description": "Too many streams are open."},
    },
)
async def watch_conversation(
    cid: PathId,
    agent: AgentOf,
    caller: CallerOf,
    last_event_id: LastEventId = None,
    after: After = None,
    start: _From = "start",
    heartbeat: Heartbeat = "comment",
) -> Response:
    """Follow all runs of a conversation over one connection, those that are yet to come too."""
    await agent.parts.store.get_conversation(cid, caller.owner)
    text = last_event_id or after
    if text is not None:
        place = Place.parse(text)
        await _check(agent, cid, caller.owner, place)
    else:
        place = await _newest(agent, cid) if start == "live" else _START
    limits = StreamLimits.of(agent.parts.settings)
    following = _Following(agent, caller.owner, cid, place, limits.batch_bytes)
    return ConversationStream(
        following.batches(),
        limits,
        primer=sse.primer(str(place)),
        named_heartbeat=heartbeat == "event",
        on_time_up=following.expect_back,
    )


@final
class ConversationStream(StreamResponse[Sequence[LoggedEvent]]):
    """The response that follows a conversation."""

    rejoinable: ClassVar[bool] = True

    async def forward(self, direct: Send) -> None:
        """Send the events of run after run.

        Raises:
            ViewerGoneError: the server is about to stop.
        """
        async for batch in self.source:
            await self.put(direct, b"".join([logged.memo(_MEMO, _frame) for logged in batch]))
        raise ViewerGoneError


class _Following:
    """Goes through a conversation's runs, from a place on."""

    def __init__(
        self, agent: ContextAgent, owner: str, conversation_id: int, place: Place, max_bytes: int
    ) -> None:
        self._agent = agent
        self._owner = owner
        self._conversation_id = conversation_id
        self._place = place
        self._max_bytes = max_bytes
        self._view: Batches | None = None

    async def batches(self) -> Batches:
        """All events from the place on, each batch of one run; ends only as the server stops.

        Raises:
            TailraceError: they cannot be read.
        """
        async with aclosing(self._runs()) as runs:
            async for run in runs:
                cursor = self._place.cursor if run.run_id == self._place.run_id else None
                async with aclosing(await self._events(run, cursor)) as view:
                    self._view, ended = view, run.state not in LIVE_STATES
                    async for batch in view:
                        yield batch
                        ended = batch[-1].event.is_terminal
                    self._view = None
                if not ended:
                    return

    def expect_back(self) -> None:
        """The viewer is about to be sent away, and will rejoin."""
        if self._view is not None:
            expect_back(self._view)

    async def _runs(self) -> AsyncGenerator[RunRow, None]:
        """The run of the place, and those after it, those that are yet to come too."""
        store, newest = self._agent.parts.store, self._place.run_id
        if newest != _BEFORE_ALL:
            yield await store.get_run(newest, self._owner)
        while True:
            with self._agent.arrivals.expected(self._conversation_id) as arrival:
                runs = await store.conversation_runs(self._conversation_id, newest, _PAGE)
                for run in runs:
                    yield run
                    newest = run.run_id
                if self._agent.arrivals.closed:
                    return
                if not runs:
                    await arrival

    async def _events(self, run: RunRow, cursor: Cursor | None) -> Batches:
        """The run's events after `cursor`; its snapshot first, where some were let go of."""
        first = None
        if (cursor.seq if cursor else 0) < run.trimmed_seq:
            first = await self._agent.snapshot(run)
            cursor = first.cursor
        view = await self._agent.view(
            run.run_id,
            after=cursor,
            owner=run.owner,
            max_bytes=self._max_bytes,
            may_merge=True,
        )
        return view if first is None else _with(first, view)


async def _with(first: LoggedEvent, view: Batches) -> Batches:
    async with aclosing(view):
        yield [first]
        async for batch in view:
            yield batch


async def _check(agent: ContextAgent, conversation_id: int, owner: str, place: Place) -> None:
    """Refuse a place that is not one of this conversation.

    Raises:
        CursorError: it is not.
    """
    if place.run_id == _BEFORE_ALL:
        return
    msg = f"the cursor {place} names no run of conversation {conversation_id}"
    try:
        run = await agent.parts.store.get_run(place.run_id, owner)
    except NotFoundError as exc:
        raise CursorError(msg) from exc
    if run.conversation_id != conversation_id:
        raise CursorError(msg)
    check_cursor(place.cursor, run.gen, run.last_seq)


async def _newest(agent: ContextAgent, conversation_id: int) -> Place:
    """Where the conversation stands now."""
    place = _START
    while runs := await agent.parts.store.conversation_runs(conversation_id, place.run_id, _PAGE):
        place = Place(runs[-1].run_id, Cursor(runs[-1].gen, runs[-1].last_seq))
    return place


def _frame(logged: LoggedEvent) -> bytes:
    place = Place(logged.event.run_id, logged.cursor)
    return sse.encode(Frame(logged.data, str(place)))
