"""The transport under the model client: what HTTP/1.1 servers do, one by one."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx2
import pytest

from tailrace.llm.http1 import Http1Transport

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def origin(*, max_connections: int, answer: Answer) -> AsyncGenerator[httpx2.AsyncClient]:
    """A client of a server whose connections are served by `answer`."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answer(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client left, which some tests are about
        finally:
            writer.close()

    async with asyncio.timeout(10), await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        transport = Http1Transport(
            ssl_context=None, connect_timeout_s=2, max_connections=max_connections
        )
        port = server.sockets[0].getsockname()[1]
        url = f"http://127.0.0.1:{port}"
        async with httpx2.AsyncClient(transport=transport, base_url=url, timeout=None) as client:
            yield client


def sending(*responses: bytes) -> Answer:
    """Answer one request after another, then close."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for response in responses:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(response)
            await writer.drain()

    return answer


@pytest.mark.parametrize(
    "response",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nbody",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nbo\r\n2;x=y\r\ndy\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\nbody",
        b"HTTP/1.0 200 OK\r\n\r\nbody",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nbody",
    ],
)
async def test_a_body_is_whole_however_its_end_is_told(response: bytes) -> None:
    async with origin(max_connections=1, answer=sending(response)) as client:
        reply = await client.get("/")
    assert (reply.status_code, reply.content) == (200, b"body")


@pytest.mark.parametrize(
    "response",
    [
        b"",
        b"HTTP/1.1 200",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nbody",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nbody\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\nbody\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 600_000 + b"\r\n\r\n",
    ],
)
async def test_a_response_that_is_cut_or_none_is_an_error(response: bytes) -> None:
    async with origin(max_connections=1, answer=sending(response)) as client:
        with pytest.raises(httpx2.RemoteProtocolError):
            await client.get("/")


async def test_a_connection_that_was_closed_while_idle_is_replaced_unnoticed() -> None:
    one = sending(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
    async with origin(max_connections=1, answer=one) as client:
        assert [(await client.get("/")).text for _ in range(3)] == ["ok"] * 3


async def test_the_next_call_waits_for_a_place_and_gets_it_when_one_is_left() -> None:
    asked = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if asked.is_set():
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        asked.set()
        await reader.read()

    async with origin(max_connections=1, answer=answer) as client, asyncio.TaskGroup() as tasks:
        first = tasks.create_task(client.get("/"))
        second = tasks.create_task(client.get("/"))
        await asked.wait()
        first.cancel()
        assert (await second).text == "ok"


async def test_a_reader_that_rests_holds_the_server_back() -> None:
    sent = 0
    blocked = asyncio.Event()
    piece = b"x" * 65_536

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (1000 * len(piece)))
        for _ in range(1000):
            writer.write(piece)
            flowing = asyncio.ensure_future(writer.drain())
            done, _ = await asyncio.wait([flowing], timeout=0.5)
            if not done:
                blocked.set()
            await flowing
            sent += 1

    async with (
        origin(max_connections=1, answer=answer) as client,
        client.stream("GET", "/") as reply,
    ):
        await blocked.wait()
        assert sent < 1000
        assert len(await reply.aread()) == 1000 * len(piece)
