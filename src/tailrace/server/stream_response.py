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
import random
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import ClassVar, Final, Generic, TypeVar, cast

import msgspec
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from tailrace.errors import TailraceError
from tailrace.server.viewers import counted
from tailrace.settings import Settings
from tailrace.wire import sse
from tailrace.wire.frame import Frame

T = TypeVar("T")

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

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream; returns once it has ended or its viewer is gone."""
        direct: Send = scope.get(SEND, send)
        try:
            async with aclosing(self.source), counted(scope), asyncio.TaskGroup() as tasks:
                attendant = tasks.create_task(self._attend(receive, direct))
                # in a task of its own, which wakes without going through all middleware
                forwarder = tasks.create_task(self._respond(send, direct))
                forwarder.add_done_callback(lambda _: attendant.cancel())
        except* (ViewerGoneError, OSError):  # some servers' `send` raises once the viewer left
            await _abort(scope, receive)
        except* TailraceError as errors:
            _log.warning("a viewer's stream broke off", exc_info=errors)
            await _abort(scope, receive)

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

    async def _respond(self, send: Send, direct: Send) -> None:
        await send(
            {"type": "http.response.start", "status": 200, "headers": self.raw_headers},
        )
        preamble = sse.retry(_RETRY_MS) + self._primer
        await send({"type": "http.response.body", "body": preamble, "more_body": True})
        await self._forward_in_time(direct)
        # in a message of its own: it waits until the client has taken nearly all
        self._complete = self._sending = True
        self._sent_at = asyncio.get_running_loop().time()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _forward_in_time(self, direct: Send) -> None:
        """Send all, or what there is time for.

        Raises:
            TimeoutError: the source's own.
            ViewerGoneError: see `forward`.
        """
        loop, response_s = asyncio.get_running_loop(), self._limits.response_s
        if not self.rejoinable or not response_s:
            await self.forward(direct)
            return
        time = asyncio.timeout(None)

        def time_is_up() -> None:
            self._on_time_up()
            time.reschedule(loop.time())

        timer = loop.call_later(response_s, time_is_up)
        try:
            async with time:
                await self.forward(direct)
        except TimeoutError:
            if not time.expired():
                raise
            # what was being sent is whole: a server takes all of it before it waits
            await self.put(direct, _REJOIN)
        finally:
            timer.cancel()

    async def _attend(self, receive: Receive, send: Send) -> None:
        """Notice that the viewer left or takes nothing; say something where all is silent.

        Raises:
            ViewerGoneError: either of the two.
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
                raise ViewerGoneError
            except TimeoutError:
                silent_s = loop.time() - self._sent_at
            if self._sending:
                if silent_s >= limits.write_timeout_s:
                    raise ViewerGoneError
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
                await send(
                    {"type": "http.response.body", "body": self._heartbeat, "more_body": True}
                )
        except TimeoutError:
            raise ViewerGoneError from None


async def _abort(scope: Scope, receive: Receive) -> None:
    """Close the connection, so that the client does not take what it has for the whole."""
    extensions = cast("dict[str, Callable[[], None]]", scope.get("extensions") or {})
    if (abort := extensions.get(ABORT)) is not None:
        abort()
        while (await receive())["type"] != "http.disconnect":
            pass
