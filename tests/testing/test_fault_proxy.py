"""The fault proxy: a line that goes bad as it is told, and in no other way."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import pytest

from tailrace.testing.fault_proxy import FaultProxy, Line

TEXT = bytes(range(256)) * 40

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def proxied(
    *lines: Line, text: bytes = TEXT
) -> AsyncGenerator[tuple[FaultProxy, Callable[[], "asyncio.Future[Connection]"]]]:
    """A server that says `text` once it was spoken to, behind a proxy; and how to connect."""

    serving: list[asyncio.Task[None] | None] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.append(asyncio.current_task())
        with contextlib.suppress(ConnectionError):
            if await reader.read(1):
                writer.write(text)
                await writer.drain()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with asyncio.timeout(10), server, FaultProxy(f"http://127.0.0.1:{port}", *lines) as proxy:
        ours = int(proxy.url.rpartition(":")[2])
        yield proxy, lambda: asyncio.ensure_future(asyncio.open_connection("127.0.0.1", ours))
    await asyncio.wait([task for task in serving if task is not None], timeout=5)


async def said(connection: Connection) -> bytes:
    """What the server says, as far as it comes."""
    reader, writer = connection
    writer.write(b"?")
    got = bytearray()
    try:
        while data := await reader.read(64 * 1024):
            got += data
    except ConnectionError:
        got += b"<broken off>"
    writer.close()
    return bytes(got)


@pytest.mark.parametrize(
    "line", [Line(), Line(piece_bytes=7), Line(bytes_per_s=1e6), Line(delay_s=0.001)]
)
async def test_a_slow_line_changes_nothing_of_what_it_carries(line: Line) -> None:
    async with proxied(line) as (_, connect):
        assert await said(await connect()) == TEXT


@pytest.mark.parametrize("after", [0, 1, 1000])
async def test_a_cut_comes_after_just_so_many_bytes(after: int) -> None:
    async with proxied(Line(cut_after=after)) as (_, connect):
        assert await said(await connect()) == TEXT[:after] + b"<broken off>"


async def test_a_half_closed_line_ends_as_if_all_had_come() -> None:
    async with proxied(Line(half_close_after=1000)) as (_, connect):
        assert await said(await connect()) == TEXT[:1000]


async def test_a_cut_takes_every_connection_and_a_new_one_works() -> None:
    more_than_any_buffer_takes = TEXT * 2000
    async with proxied(text=more_than_any_buffer_takes) as (proxy, connect):
        connections = [await connect(), await connect()]
        for reader, writer in connections:
            writer.write(b"?")
            assert await reader.readexactly(1) == TEXT[:1]
        proxy.cut()
        got = [await said(connection) for connection in connections]
        assert [text[-12:] for text in got] == [b"<broken off>"] * 2
        assert len(await said(await connect())) == len(more_than_any_buffer_takes)


async def test_what_was_held_back_comes_when_the_line_is_released() -> None:
    async with proxied() as (proxy, connect):
        proxy.hold()
        waiting = asyncio.create_task(said(await connect()))
        proxy.release()
        assert await waiting == TEXT


async def test_a_refusing_line_breaks_off_at_once() -> None:
    async with proxied(Line(refuse=True), Line()) as (proxy, connect):
        reader, writer = await connect()
        with pytest.raises(ConnectionError):
            await reader.read()
        writer.close()
        assert await said(await connect()) == TEXT
        assert proxy.connections == 2
