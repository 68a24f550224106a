"""Testing floor: FaultProxy, a line between client and server that goes bad as it is told.

Rule 1: what it does is decided by counts and by calls, never by chance or by the clock alone, so
    that a test fails the same way each time.
Rule 2: bytes are delayed, cut or held back; none is ever changed, doubled or reordered.
"""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncGenerator, Sequence
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

import msgspec

_PIECE_BYTES: Final = 64 * 1024


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """How the line treats what the server sends, on one connection.

    Attributes:
        delay_s: Waits so long before each piece.
        piece_bytes: Hands on so much at a time, each in a write of its own.
        bytes_per_s: Hands on no faster; 0 for no limit.
        cut_after: Breaks the connection off after so many bytes; None: never.
        half_close_after: Ends the server's direction as if it were whole; None: never.
        refuse: Breaks off every new connection at once.
    """

    delay_s: float = 0.0
    piece_bytes: int = _PIECE_BYTES
    bytes_per_s: float = 0.0
    cut_after: int | None = None
    half_close_after: int | None = None
    refuse: bool = False


class FaultProxy:
    """A TCP proxy on loopback in front of `target_url`; use it as an async context manager.

    Attributes:
        lines: How the next connections are treated, one after the other; the last stays for all
            that come later. May be replaced at any time.
        target_url: Where the next connections lead. May be replaced at any time.
        connections: How many have been made so far.
    """

    def __init__(self, target_url: str, *lines: Line) -> None:
        self.lines: Sequence[Line] = lines or (Line(),)
        self.connections = 0
        self.target_url = target_url
        self._open = asyncio.Event()
        self._open.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Where clients connect to."""
        assert self._server is not None, "enter the proxy first"
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> Self:
        """Listen on a free port of 127.0.0.1."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Break everything off and stop listening."""
        assert self._server is not None
        self._server.close()
        self.release()
        self.cut()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._server.wait_closed()

    def cut(self) -> None:
        """Break off every connection there is, as a pulled cable would be noticed."""
        for writer in self._writers:
            _break_off(writer)

    def hold(self) -> None:
        """Let nothing through until `release`; connections are taken meanwhile, and led on then."""
        self._open.clear()

    def release(self) -> None:
        """Let everything through again, what was held back first."""
        self._open.set()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        line, *later = self.lines
        self.lines = later or (line,)
        try:
            async with self._attended(writer):
                if line.refuse:
                    _break_off(writer)
                else:
                    await self._relay(reader, writer, line)
        except (OSError, asyncio.IncompleteReadError):
            pass  # one side is gone, and with it the other: that is what a line does
        finally:
            self._tasks.discard(task)

    async def _relay(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, line: Line
    ) -> None:
        await self._open.wait()
        target = urlsplit(self.target_url)
        theirs, ours = await asyncio.open_connection(target.hostname, target.port or 80)
        async with self._attended(ours):
            up = asyncio.create_task(self._up(reader, ours))
            try:
                await self._down(theirs, writer, line)
                if line.half_close_after is not None:
                    await asyncio.wait([up])  # the client decides how long that lasts
            finally:
                up.cancel()
                await asyncio.wait([up])

    async def _up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_PIECE_BYTES):
                await self._open.wait()
                writer.write(data)
                await writer.drain()
            if writer.can_write_eof():
                writer.write_eof()

    async def _down(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, line: Line
    ) -> None:
        sent = 0
        ends = [end for end in (line.cut_after, line.half_close_after) if end is not None]
        while wanted := min([line.piece_bytes, *(end - sent for end in ends)]):
            data = await reader.read(wanted)
            if not data:
                break
            pace_s = len(data) / line.bytes_per_s if line.bytes_per_s else 0.0
            await asyncio.sleep(line.delay_s + pace_s)
            await self._open.wait()
            writer.write(data)
            await writer.drain()
            sent += len(data)
        if line.cut_after == sent:
            _break_off(writer)
        else:
            writer.write_eof()

    @contextlib.asynccontextmanager
    async def _attended(self, writer: asyncio.StreamWriter) -> AsyncGenerator[None, None]:
        self._writers.add(writer)
        try:
            yield
        finally:
            self._writers.discard(writer)
            writer.close()


def _break_off(writer: asyncio.StreamWriter) -> None:
    """Reset the connection, so that the other side cannot take it for a proper end."""
    line: socket.socket = writer.get_extra_info("socket")
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
