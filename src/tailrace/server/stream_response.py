"""Floor 6: StreamResponse, a response that goes on while somebody follows it, in plain ASGI.

Rule 1: a viewer that leaves, or takes nothing for `write_timeout_s`, ends its response and nothing
    else.
Rule 2: what waits for a viewer is bounded: the transport's buffer, and one piece in our hands.
Rule 3: where all is silent, a comment shows that the line is alive.
Rule 4: a response that is not finished is broken off, so that no client takes it for the whole.
"""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Final, Generic, TypeVar, cast

import msgspec
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from tailrace.errors import StoreError
from tailrace.server.viewers import counted
from tailrace.settings import Settings
from tailrace.wire import sse

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


class ViewerGoneError(Exception):
    """The viewer has left, or takes nothing, or there is nothing true left to send it."""


class StreamResponse(Response, ABC, Generic[T]):
    """A response of server-sent events, made of what a source yields."""

    def __init__(
        self,
        source: AsyncGenerator[T, None],
        limits: StreamLimits,
        headers: Sequence[tuple[str, str]] = (),
        primer: bytes = b"",
    ) -> None:
        """Send what is made of `source`, after `primer`."""
        super().__init__(status_code=200)
        self.raw_headers = [
            *_HEADERS,
            *((name.lower().encode(), value.encode()) for name, value in headers),
        ]
        self.source = source
        self._limits = limits
        self._primer = primer
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
        except* StoreError as errors:
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
        await self.forward(direct)
        # in a message of its own: it waits until the client has taken nearly all
        self._complete = self._sending = True
        self._sent_at = asyncio.get_running_loop().time()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

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
                await send({"type": "http.response.body", "body": _HEARTBEAT, "more_body": True})
        except TimeoutError:
            raise ViewerGoneError from None


async def _abort(scope: Scope, receive: Receive) -> None:
    """Close the connection, so that the client does not take what it has for the whole."""
    extensions = cast("dict[str, Callable[[], None]]", scope.get("extensions") or {})
    if (abort := extensions.get(ABORT)) is not None:
        abort()
        while (await receive())["type"] != "http.disconnect":
            pass
