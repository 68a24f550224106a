"""Floor 6: StreamResponse, a response that goes on while somebody follows it, in plain ASGI.

Rule 1: a viewer that leaves, or takes nothing for `write_timeout_s`, ends its response and nothing
    else.
Rule 2: what waits for a viewer is bounded: the transport's buffer, and one piece in our hands.
Rule 3: where all is silent, a comment shows that the line is alive.
Rule 4: a response that is not finished is broken off, so that no client takes it for the whole;
    but one whose time is up ends in good order, if its clients know that it is not, and rejoin.
"""

import asyncio
import logging
import math
import random
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractContextManager, aclosing, nullcontext
from enum import Enum, auto
from typing import ClassVar, Final, Generic, TypeVar

import msgspec
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from tailrace.errors import TailraceError
from tailrace.server.line import Line, line_of
from tailrace.server.viewers import counted
from tailrace.settings import Settings
from tailrace.wire import sse
from tailrace.wire.frame import Frame

T = TypeVar("T")

_log = logging.getLogger(__name__)

BEGUN: Final = "tailrace.begun"
"""Scope key: a list for a stream whose response has begun; whoever put it there lets it go on."""

_HEADERS: Final = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"connection", b"keep-alive"),
    (b"x-accel-buffering", b"no"),
)
_RETRY_MS: Final = 1_000
_TRANSPORT_BYTES: Final = 64 * 1024  # a transport takes that much before it asks to wait
_LEAST_BATCH_BYTES: Final = 4 * 1024
_HEARTBEAT: Final = sse.comment("")
_NAMED_HEARTBEAT: Final = sse.encode(Frame(b"{}", event="heartbeat"))
_REJOIN: Final = sse.comment("rejoin") + sse.retry(100)  # until the next response says otherwise


class StreamLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What a viewer may take of time and memory; `Settings` says what each is."""

    heartbeat_s: float
    write_timeout_s: float
    batch_bytes: int
    response_s: float = 0.0

    @classmethod
    def of(cls, settings: Settings) -> "StreamLimits":
        """The limits, where one batch may be in the transport's buffer and one in our hands."""
        spare = settings.viewer_buffer_bytes - _TRANSPORT_BYTES
        return cls(
            heartbeat_s=settings.heartbeat_s,
            write_timeout_s=settings.viewer_write_timeout_s,
            batch_bytes=max(_LEAST_BATCH_BYTES, spare // 3),
            # spread, so that viewers who came together do not come back together
            response_s=settings.max_response_s * (1 - random.random() / 10),  # noqa: S311 - spreads, guards nothing
        )


class ViewerGoneError(Exception):
    """The viewer has left, or takes nothing, or there is nothing true left to send it."""


class _Reason(Enum):
    """Why a stream is interrupted."""

    GONE = auto()
    TIME_UP = auto()


class StreamResponse(Response, ABC, Generic[T]):
    """A response of server-sent events, made of what a source yields.

    Attributes:
        rejoinable: Whether its clients rejoin where it ended before its end; only then is its time
            limited.
    """

    rejoinable: ClassVar[bool] = False

    def __init__(
        self,
        source: AsyncGenerator[T, None],
        limits: StreamLimits,
        headers: Sequence[tuple[str, str]] = (),
        primer: bytes = b"",
        *,
        named_heartbeat: bool = False,
        on_time_up: Callable[[], None] = lambda: None,
    ) -> None:
        """Send what is made of `source`, after `primer`.

        Args:
            source: What is sent.
            limits: Of time and memory.
            headers: Besides the usual ones.
            primer: The first bytes.
            named_heartbeat: Whether a sign of life is an event of that name, for clients that see
                no comments.
            on_time_up: Called where the response is about to end because its time is up.
        """
        super().__init__(status_code=200)
        self.raw_headers = [
            *_HEADERS,
            *((name.lower().encode(), value.encode()) for name, value in headers),
        ]
        self.source = source
        self._limits = limits
        self._primer = primer
        self._heartbeat = _NAMED_HEARTBEAT if named_heartbeat else _HEARTBEAT
        self._on_time_up = on_time_up
        self._sent_at = 0.0
        self._sending = False
        self._complete = False
        self._until = math.inf
        self._counted: AbstractContextManager[None] = nullcontext()
        self._task: asyncio.Task[None] | None = None
        self._line: Line | None = None
        self._reason: _Reason | None = None
        self._now_s = asyncio.get_running_loop().time

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Begin the response; it goes on here, or where the application lets it (`BEGUN`)."""
        self._counted = counted(scope)
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            preamble = sse.retry(_RETRY_MS) + self._primer
            await send({"type": "http.response.body", "body": preamble, "more_body": True})
        except OSError:  # some servers' `send` raises once the viewer left
            await self.source.aclose()
            return
        begun: list[StreamResponse[T]] | None = scope.get(BEGUN)
        if begun is None:
            await self.go_on(scope, receive, send)
        else:
            begun.append(self)

    async def go_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream; returns once it has ended or its viewer is gone."""
        line = line_of(scope)
        self._sent_at = asyncio.get_running_loop().time()
        if self.rejoinable and self._limits.response_s:
            self._until = self._sent_at + self._limits.response_s
        try:
            async with aclosing(self.source):
                with self._counted:
                    if line is not None:
                        await self._attended(line, send)
                    else:
                        await self._attending(receive, send)
        except* (ViewerGoneError, OSError):
            await _abort(line, receive)
        except* TailraceError as errors:
            _log.warning("a viewer's stream broke off", exc_info=errors)
            await _abort(line, receive)

    @abstractmethod
    async def forward(self, direct: Send) -> None:
        """Send all that the source yields, with `put`.

        Raises:
            ViewerGoneError: the source ended before its end, which it is not for us to claim.
        """

    async def put(self, direct: Send, data: bytes) -> None:
        """Send `data`; returns when the viewer has taken nearly all that came before it."""
        self._sent_at = asyncio.get_running_loop().time()
        self._sending = True
        await direct({"type": "http.response.body", "body": data, "more_body": True})
        self._sending = False

    def ready_line(self) -> Line | None:
        """The viewer's line, where it takes something at once, which must then be sent to it."""
        line = self._line
        if line is None or self._sending or self._reason is not None or line.is_full:
            return None
        self._sent_at = self._now_s()
        return line

    @property
    def every_s(self) -> float:
        """The shortest time that it is to keep."""
        limits = self._limits
        return min(limits.heartbeat_s, limits.write_timeout_s, limits.response_s or math.inf)

    def look(self, now_s: float) -> float:
        """Drop a viewer that takes nothing; say something where all is silent; end in time."""
        silent_s = now_s - self._sent_at
        limits, line = self._limits, self._line
        if now_s >= self._until and not self._complete:
            self._until = math.inf
            self._on_time_up()
            self._interrupt(_Reason.TIME_UP)
        elif self._sending or (line is not None and line.is_full):
            if silent_s < limits.write_timeout_s:
                return min(limits.heartbeat_s, limits.write_timeout_s - silent_s)
            self.lost()
        elif silent_s < limits.heartbeat_s:
            return min(limits.write_timeout_s, limits.heartbeat_s - silent_s, self._until - now_s)
        elif line is not None:
            self._sent_at = now_s
            line.write(self._heartbeat)
        return min(self.every_s, self._until - now_s)

    def lost(self) -> None:
        """Its viewer has left, or takes nothing: send no more."""
        self._interrupt(_Reason.GONE)

    def _interrupt(self, reason: "_Reason") -> None:
        if self._task is not None and self._reason is None:
            self._reason = reason
            self._task.cancel()

    async def _attended(self, line: Line, send: Send) -> None:
        """Send the stream, looked after by the line and its rounds.

        Raises:
            ViewerGoneError: the viewer has left, or takes nothing.
        """
        self._line = line
        self._task = asyncio.current_task()
        line.attend(self)
        try:
            await self._send_all(send)
        finally:
            line.leave(self)
            self._task = self._line = None

    async def _attending(self, receive: Receive, send: Send) -> None:
        """Send the stream, where the server is not ours, and a task looks after it.

        Raises:
            ViewerGoneError: the viewer has left, or takes nothing; in a group.
        """
        async with asyncio.TaskGroup() as tasks:
            attendant = tasks.create_task(self._attend(receive, send))
            self._task = tasks.create_task(self._send_all(send))
            self._task.add_done_callback(lambda _: attendant.cancel())

    async def _send_all(self, send: Send) -> None:
        """Send all, or what there is time for.

        Raises:
            CancelledError: somebody else asked for the end of the task.
            ViewerGoneError: the viewer has left, or takes nothing; or see `forward`.
        """
        try:
            try:
                await self.forward(send)
            except asyncio.CancelledError:
                if not self._was_interrupted(_Reason.TIME_UP):
                    raise
                # what was being sent is whole: a server takes all of it before it waits
                await self.put(send, _REJOIN)
            await self._finish(send)
        except asyncio.CancelledError:
            if not self._was_interrupted(_Reason.GONE):
                raise
            raise ViewerGoneError from None

    def _was_interrupted(self, reason: "_Reason") -> bool:
        """Whether the task was cancelled by us for `reason`, and by nobody else too."""
        if self._reason is not reason or self._task is None or self._task.uncancel():
            return False
        self._reason = None
        return True

    async def _finish(self, send: Send) -> None:
        # in a message of its own: it waits until the client has taken nearly all
        self._complete = self._sending = True
        self._sent_at = asyncio.get_running_loop().time()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _attend(self, receive: Receive, send: Send) -> None:
        """Notice that the viewer left, and look at the stream when something may be due."""
        loop, wait_s = asyncio.get_running_loop(), 0.0
        while True:
            try:
                async with asyncio.timeout(wait_s):
                    while (await receive())["type"] != "http.disconnect":
                        pass
                if not self._complete:  # a server says so of its own response's end too
                    self.lost()
            except TimeoutError:
                wait_s = self.look(loop.time())
                if not self._sending and loop.time() - self._sent_at >= self._limits.heartbeat_s:
                    await self._beat(send)
            else:
                return

    async def _beat(self, send: Send) -> None:
        self._sent_at = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(self._limits.write_timeout_s):
                await send(
                    {"type": "http.response.body", "body": self._heartbeat, "more_body": True}
                )
        except TimeoutError:
            self.lost()


async def _abort(line: Line | None, receive: Receive) -> None:
    """Close the connection, so that the client does not take what it has for the whole."""
    if line is not None:
        line.abort()
        while (await receive())["type"] != "http.disconnect":
            pass
