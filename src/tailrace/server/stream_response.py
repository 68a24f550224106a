"""Floor 6: EventStream, one viewer's response: log → dialect → wire → client, in plain ASGI.

Rule 1: whatever waits leaves in one send; nothing is encoded, timed or scheduled per event.
Rule 2: a viewer that leaves, or takes nothing for `write_timeout_s`, ends its response and nothing
    else; the run goes on.
Rule 3: what waits for a viewer is bounded: the transport's buffer, and one batch in our hands.
Rule 4: after the terminal frame the response ends, and only then does it end as complete.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Final, cast, final

import msgspec
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from tailrace.dialects.base import Dialect
from tailrace.errors import StoreError
from tailrace.events.event import Cursor
from tailrace.events.logged import LoggedEvent
from tailrace.settings import Settings
from tailrace.wire import sse

_log = logging.getLogger(__name__)

ABORT: Final = "tailrace.abort"
"""ASGI extension: a function that closes the connection at once, whatever waits in its buffer."""

SEND: Final = "tailrace.send"
"""Scope key: the server's own `send`, without the layers that only need a response's start."""

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


class StreamLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What a viewer may take of time and memory; `Settings` says what each is."""

    heartbeat_s: float
    write_timeout_s: float
    batch_bytes: int

    @classmethod
    def of(cls, settings: Settings) -> "StreamLimits":
        """The limits, where one batch may be in the transport's buffer and one in our hands."""
        spare = settings.viewer_buffer_bytes - _TRANSPORT_BYTES
        return cls(
            heartbeat_s=settings.heartbeat_s,
            write_timeout_s=settings.viewer_write_timeout_s,
            batch_bytes=max(_LEAST_BATCH_BYTES, spare // 3),
        )


class _ViewerGoneError(Exception):
    """The viewer has left, or takes nothing."""


@final
class EventStream(Response):
    """The response that follows one log.

    A stateful dialect is fed the log from event 1; what it says of events up to `after` is
    dropped here.
    """

    def __init__(
        self,
        batches: AsyncGenerator[Sequence[LoggedEvent], None],
        dialect: Dialect,
        *,
        after: Cursor,
        limits: StreamLimits,
        headers: Sequence[tuple[str, str]] = (),
    ) -> None:
        super().__init__(status_code=200)
        self.raw_headers = [
            *_HEADERS,
            *((name.lower().encode(), value.encode()) for name, value in headers),
        ]
        self._batches = batches
        self._dialect = dialect
        self._after = after
        self._limits = limits
        self._encode = _shared_bytes(dialect) if dialect.stateless else self._own_bytes
        self._sent_at = 0.0
        self._sending = False
        self._complete = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream; returns once it has ended or its viewer is gone."""
        direct: Send = scope.get(SEND, send)
        try:
            async with aclosing(self._batches), asyncio.TaskGroup() as tasks:
                attendant = tasks.create_task(self._attend(receive, direct))
                # in a task of its own, which wakes without going through all middleware
                forwarder = tasks.create_task(self._forward(send, direct))
                forwarder.add_done_callback(lambda _: attendant.cancel())
        except* (_ViewerGoneError, OSError):  # some servers' `send` raises once the viewer left
            await _abort(scope, receive)
        except* StoreError as errors:
            _log.warning("a viewer's stream broke off", exc_info=errors)
            await _abort(scope, receive)

    async def _forward(self, send: Send, direct: Send) -> None:
        await send(
            {"type": "http.response.start", "status": 200, "headers": self.raw_headers},
        )
        preamble = sse.retry(_RETRY_MS) + sse.primer(str(self._after))
        await send({"type": "http.response.body", "body": preamble, "more_body": True})
        encode, now_s, ended = self._encode, asyncio.get_running_loop().time, False
        async for batch in self._batches:
            ended = batch[-1].event.is_terminal
            if data := b"".join([encode(logged) for logged in batch]):
                self._sent_at = now_s()
                self._sending = True
                await direct({"type": "http.response.body", "body": data, "more_body": True})
                self._sending = False
        if not ended:  # the log was closed without its end: it is not for us to claim one
            raise _ViewerGoneError
        # in a message of its own: it waits until the client has taken nearly all
        self._complete, self._sending, self._sent_at = True, True, now_s()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _attend(self, receive: Receive, send: Send) -> None:
        """Notice that the viewer left or takes nothing; say something where all is silent.

        Raises:
            _ViewerGoneError: either of the two.
        """
        loop, limits = asyncio.get_running_loop(), self._limits
        self._sent_at = loop.time()
        wait_s = nap_s = min(limits.heartbeat_s, limits.write_timeout_s)
        while True:
            try:
                async with asyncio.timeout(wait_s):
                    while (await receive())["type"] != "http.disconnect":
                        pass
                if self._complete:  # a server says so of its own response's end too
                    return
                raise _ViewerGoneError
            except TimeoutError:
                silent_s = loop.time() - self._sent_at
            if self._sending:
                if silent_s >= limits.write_timeout_s:
                    raise _ViewerGoneError
                wait_s = min(nap_s, limits.write_timeout_s - silent_s)
            elif silent_s >= limits.heartbeat_s:
                await self._beat(send)
                wait_s = nap_s
            else:
                wait_s = min(nap_s, limits.heartbeat_s - silent_s)

    async def _beat(self, send: Send) -> None:
        self._sent_at = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(self._limits.write_timeout_s):
                await send({"type": "http.response.body", "body": _HEARTBEAT, "more_body": True})
        except TimeoutError:
            raise _ViewerGoneError from None

    def _own_bytes(self, logged: LoggedEvent) -> bytes:
        frames = self._dialect.frames(logged)
        if logged.seq <= self._after.seq:
            return b""
        return b"".join([sse.encode(frame) for frame in frames])


def _shared_bytes(dialect: Dialect) -> Callable[[LoggedEvent], bytes]:
    """Bytes that are made once per event, however many viewers a stateless dialect has."""
    key = f"sse:{dialect.name}"

    def make(logged: LoggedEvent) -> bytes:
        return b"".join([sse.encode(frame) for frame in dialect.frames(logged)])

    return lambda logged: logged.memo(key, make)


async def _abort(scope: Scope, receive: Receive) -> None:
    """Close the connection, so that the client does not take what it has for the whole."""
    extensions = cast("dict[str, Callable[[], None]]", scope.get("extensions") or {})
    if (abort := extensions.get(ABORT)) is not None:
        abort()
        while (await receive())["type"] != "http.disconnect":
            pass
