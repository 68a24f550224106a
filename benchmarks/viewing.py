"""Viewers that cost little: one socket each, and the age of every token that comes.

Rule 1: an age counts from the token's own stamp to the moment its bytes are in this process.
"""

import asyncio
import json
import re
import socket
import time
from array import array
from collections.abc import Mapping
from typing import Final, cast, final

from processes import Side

_STAMP: Final = re.compile(rb"@(\d+) ")
_END: Final = b"\r\n0\r\n\r\n"
_CHUNK: Final = b'"stream_chunk"'
_OK: Final = b"HTTP/1.1 200"
_SMALL_BUFFER: Final = 4096

VIEWERS_ALLOWED: Final[Mapping[str, str]] = {"TAILRACE_MAX_STREAMS": "11000"}
"""What a server's environment says where crowds shall be let in."""


@final
class Viewer(asyncio.Protocol):
    """One viewer of one stream.

    Attributes:
        ages_ns: How old each token was when it came.
        begun: Set with the first bytes; its result is their moment.
        first_chunk: Set with the first text of the answer; its result is that moment.
        ended: Set once the response is complete.
        last_ns: When the newest bytes came.
    """

    def __init__(self, request: bytes) -> None:
        loop = asyncio.get_running_loop()
        self.ages_ns = array("q")
        self.begun: asyncio.Future[int] = loop.create_future()
        self.first_chunk: asyncio.Future[int] = loop.create_future()
        self.ended: asyncio.Future[None] = loop.create_future()
        self.last_ns = 0
        self._request = request
        self._carry = b""
        self._tail = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Note how old what came is."""
        now_ns = self.last_ns = time.monotonic_ns()
        if not self.begun.done():
            assert data.startswith(_OK), data[:500]
            self.begun.set_result(now_ns)
        if not self.first_chunk.done() and _CHUNK in data:
            self.first_chunk.set_result(now_ns)
        self._tail = (self._tail + data[-len(_END) :])[-len(_END) :]
        if self._carry:
            data = self._carry + data
        end = data.rfind(b"\n") + 1
        self._carry = data[end:]
        self.ages_ns.extend([now_ns - int(stamp) for stamp in _STAMP.findall(data, 0, end)])
        if self._tail == _END and not self.ended.done():
            self.ended.set_result(None)
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Say so where the response was not complete."""
        error = ConnectionError("the stream broke off")
        for waiting in (self.begun, self.first_chunk, self.ended):
            if not waiting.done():
                waiting.set_exception(error)
                waiting.exception()

    def stall(self) -> None:
        """Take nothing more, and let little wait in between."""
        if self._transport is not None:
            self._transport.pause_reading()

    def close(self) -> None:
        """Leave."""
        if self._transport is not None:
            self._transport.abort()


async def ask(server: Side, question: str) -> Viewer:
    """A viewer that starts a run and follows it."""
    body = json.dumps({"query": question}).encode()
    path = "/api/agent/chat/stream?dialect=native"
    return await _open(server, _request(server, "POST", path, body))


async def watch(server: Side, path: str) -> Viewer:
    """A viewer of the stream at `path`."""
    return await _open(server, _request(server, "GET", path))


async def stalled(server: Side, path: str) -> Viewer:
    """A viewer of the stream at `path` that takes its head and nothing more."""
    small = socket.socket()
    small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL_BUFFER)
    small.setblocking(False)  # noqa: FBT003 - the standard library's own signature
    await asyncio.get_running_loop().sock_connect(small, (server.host, server.port))
    viewer = await _open(server, _request(server, "GET", path), small)
    await viewer.begun
    viewer.stall()
    return viewer


async def close_all(viewers: list[Viewer]) -> None:
    """Let all of them leave; the server has a moment to notice."""
    for viewer in viewers:
        viewer.close()
    await asyncio.sleep(0.2)


def ages_ms(viewers: list[Viewer]) -> list[float]:
    """The ages of all tokens that all viewers got, sorted."""
    return sorted(age / 1e6 for viewer in viewers for age in viewer.ages_ns)


async def _open(server: Side, request: bytes, sock: socket.socket | None = None) -> Viewer:
    loop = asyncio.get_running_loop()
    if sock is not None:
        _, viewer = await loop.create_connection(lambda: Viewer(request), sock=sock)
    else:
        _, viewer = await loop.create_connection(lambda: Viewer(request), server.host, server.port)
    return viewer


def _request(server: Side, method: str, path: str, body: bytes = b"") -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nhost: {server.host}:{server.port}\r\n"
    if body:
        head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body
