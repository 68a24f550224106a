"""Floor 6: one client's connection: uvicorn's own protocol, with the limits it lacks.

Rule 1: a request's head comes within `header_timeout_s`, or the connection ends; so does one whose
    request was answered before its body came, and then does not come.
Rule 2: a request's head is at most 64 KiB.
Rule 3: a client that takes nothing for `write_timeout_s` while something waits for it is gone.
Rule 4: one connection too many is told so and closed: by the application, which still says whether
    the server is well (`Guard`), or, where that many wait already, at once.
Rule 5: it is the `Line` of a stream: it looks after the stream, which needs no task for that.
"""

import asyncio
from typing import ClassVar, Final, final

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tailrace.errors import WireError
from tailrace.server.line import EXTENSION, Attended, Rounds, chunk
from tailrace.settings import Settings

SURPLUS: Final = "tailrace.surplus"
"""ASGI extension: whether this connection is one too many."""

RETRY_AFTER_S: Final = 5
"""When one too many may try again."""

TOO_MANY: Final = "this server has as many connections as it may; try again in a moment"

_MAX_HEAD_BYTES: Final = 64 * 1024
_SPARE: Final = 256
_SPARE_HEADER_TIMEOUT_S: Final = 1.0
_ANSWER: Final = (
    b"HTTP/1.1 %b\r\nconnection: close\r\n%b"
    b"content-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\n\r\n%b"
)


def _answer(status: bytes, said: bytes, headers: bytes = b"") -> bytes:
    return _ANSWER % (status, headers, len(said), said)


_TOO_SLOW: Final = _answer(
    b"408 Request Timeout", b"The head of the request did not come in time; send it at once."
)
_FULL: Final = _answer(
    b"503 Service Unavailable", TOO_MANY.encode(), b"retry-after: %d\r\n" % RETRY_AFTER_S
)


class ConnectionLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What one client's connection may take; `Settings` says what each is."""

    header_timeout_s: float
    write_timeout_s: float
    keep_alive_timeout_s: float
    max_connections: int

    @classmethod
    def of(cls, settings: Settings) -> "ConnectionLimits":
        """The limits that are set."""
        return cls(
            header_timeout_s=settings.request_header_timeout_s,
            write_timeout_s=settings.viewer_write_timeout_s,
            keep_alive_timeout_s=settings.keep_alive_timeout_s,
            max_connections=settings.max_connections,
        )

    @property
    def max_files(self) -> int:
        """How many files a process with that many connections may have open, with room for more."""
        return self.max_connections + 2 * _SPARE


class Connection(HttpToolsProtocol):
    """One client's connection."""

    limits: ClassVar[ConnectionLimits]
    rounds: ClassVar[Rounds]

    # in slots: Python shares the keys of instances' dictionaries up to thirty, which uvicorn fills
    __slots__ = ("_deadline", "_head_bytes", "_is_surplus", "_stream", "_write_deadline")

    _deadline: asyncio.TimerHandle | None
    _write_deadline: asyncio.TimerHandle | None
    _stream: Attended | None
    _head_bytes: int
    _is_surplus: bool

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]  # as uvicorn's own
        """Wait for the first request's head."""
        self._deadline = self._write_deadline = self._stream = None
        self._head_bytes = 0
        super().connection_made(transport)
        self.timeout_keep_alive = self.limits.keep_alive_timeout_s
        too_many = len(self.connections) - self.limits.max_connections
        self._is_surplus = too_many > 0
        if too_many > _SPARE:
            transport.write(_FULL)
            transport.close()
            return
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self._head_came()
        self._stop_write_deadline()
        super().connection_lost(exc)
        if self._stream is not None:
            self._stream.lost()

    def pause_writing(self) -> None:
        """What waits for the client is as much as may wait."""
        super().pause_writing()
        if self._write_deadline is None:
            wait_s = self.limits.write_timeout_s
            self._write_deadline = self.loop.call_later(wait_s, self.transport.abort)

    def resume_writing(self) -> None:
        """The client has taken most of it."""
        self._stop_write_deadline()
        super().resume_writing()

    def on_message_begin(self) -> None:
        """A request's head begins."""
        super().on_message_begin()
        self.scope["extensions"] = {EXTENSION: self, SURPLUS: self._is_surplus}  # pyright: ignore[reportGeneralTypeIssues, reportArgumentType]  # extensions of ours
        self._head_bytes = 0
        if self._deadline is None:
            self._await_head()

    def on_url(self, url: bytes) -> None:
        """More of the request's target.

        Raises:
            WireError: the head is too large; the parser refuses the request.
        """
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """One more header.

        Raises:
            WireError: the head is too large; the parser refuses the request.
        """
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is complete: serve the request."""
        self._head_came()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The body is complete, or there is none."""
        super().on_message_complete()
        self._head_came()

    def on_response_complete(self) -> None:
        """The request is answered."""
        super().on_response_complete()
        cycle = self.cycle
        if cycle.response_complete and cycle.more_body and self._deadline is None:
            wait_s = self.limits.header_timeout_s  # for the rest of a body that nobody wants
            self._deadline = self.loop.call_later(wait_s, self.transport.close)

    @property
    def is_chunked(self) -> bool:
        """Whether the response's body is sent in chunks."""
        return self.cycle.chunked_encoding is True

    @property
    def is_full(self) -> bool:
        """Whether the client takes less than it was sent."""
        return self.flow.write_paused

    def attend(self, stream: Attended) -> None:
        """Look after `stream`, which answers the request that is under way."""
        if self.transport.is_closing():
            stream.lost()
            return
        self._stream = stream
        self.rounds.add(stream)

    def leave(self, stream: Attended) -> None:
        """Do so no more."""
        self._stream = None
        self.rounds.remove(stream)

    def write(self, data: bytes) -> None:
        """Send a piece of the response's body now, and wait for nothing."""
        self.transport.write(chunk(data) if self.is_chunked else data)

    def write_raw(self, data: bytes) -> None:
        """Send what is a `chunk` already where the body is sent in chunks."""
        self.transport.write(data)

    def abort(self) -> None:
        """Close at once, whatever waits to be sent."""
        self.transport.abort()

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > _MAX_HEAD_BYTES:
            msg = f"the head of a request is larger than {_MAX_HEAD_BYTES} bytes"
            raise WireError(msg)

    def _await_head(self) -> None:
        wait_s = self.limits.header_timeout_s
        if self._is_surplus:
            wait_s = min(wait_s, _SPARE_HEADER_TIMEOUT_S)
        self._deadline = self.loop.call_later(wait_s, self._too_slow)

    def _head_came(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        self._deadline = None
        if self.transport.is_closing():
            return
        if self._head_bytes:  # an idle connection, opened ahead of need, is closed without a word
            self.transport.write(_TOO_SLOW)
        self.transport.close()

    def _stop_write_deadline(self) -> None:
        if self._write_deadline is not None:
            self._write_deadline.cancel()
            self._write_deadline = None


def connection_class(allowed: ConnectionLimits) -> type[Connection]:
    """The protocol for `uvicorn.Config(http=…)`."""

    @final
    class Limited(Connection):
        __slots__ = ()
        limits: ClassVar[ConnectionLimits] = allowed
        rounds: ClassVar[Rounds] = Rounds()

    return Limited
