"""Floor 6: one client's connection: uvicorn's own protocol, with the limits it lacks.

Rule 1: a request's head comes within `header_timeout_s`, or the connection ends.
Rule 2: a request's head is at most 64 KiB.
Rule 3: the application can end a connection whose client takes nothing (`StreamResponse` does).
"""

import asyncio
from typing import ClassVar, Final, final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tailrace.errors import WireError
from tailrace.server.stream_response import ABORT

_MAX_HEAD_BYTES: Final = 64 * 1024
_SAID: Final = b"The head of the request did not come in time; send it at once."
_TOO_SLOW: Final = (
    b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\n"
    b"content-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\n\r\n%b"
) % (len(_SAID), _SAID)


class Connection(HttpToolsProtocol):
    """One client's connection."""

    header_timeout_s: ClassVar[float] = 10.0

    _deadline: asyncio.TimerHandle | None = None
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]  # as uvicorn's own
        """Wait for the first request's head."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self._head_came()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """A request's head begins."""
        super().on_message_begin()
        self.scope["extensions"] = {ABORT: self.transport.abort}  # pyright: ignore[reportGeneralTypeIssues, reportArgumentType]  # an extension of ours
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

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > _MAX_HEAD_BYTES:
            msg = f"the head of a request is larger than {_MAX_HEAD_BYTES} bytes"
            raise WireError(msg)

    def _await_head(self) -> None:
        self._deadline = self.loop.call_later(self.header_timeout_s, self._too_slow)

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


def connection_class(header_timeout: float) -> type[Connection]:
    """The protocol for `uvicorn.Config(http=…)`; `header_timeout` in seconds."""

    @final
    class Limited(Connection):
        header_timeout_s: ClassVar[float] = header_timeout

    return Limited
