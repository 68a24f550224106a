"""EventStream alone, over real sockets: order, bounds, stalls, breaks."""

import asyncio
import gc
import socket
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import pytest
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from tailrace.dialects.registry import open_dialect
from tailrace.errors import StoreError
from tailrace.events.event import Cursor, StreamEvent
from tailrace.events.logged import LoggedEvent
from tailrace.events.types import EventType, WorkflowStage
from tailrace.server.connection import ConnectionLimits, connection_class
from tailrace.server.event_stream import EventStream
from tailrace.server.stream_response import StreamLimits
from tailrace.settings import Settings

LIMITS = StreamLimits(heartbeat_s=10, write_timeout_s=0.2, batch_bytes=64 * 1024)
REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

Batches = AsyncGenerator[Sequence[LoggedEvent], None]


def chunk(seq: int, text: str = "x") -> LoggedEvent:
    event = StreamEvent(
        type=EventType.STREAM_CHUNK, content=text, run_id="r", gen=1, seq=seq, epoch=1
    )
    return LoggedEvent.of(event)


def end(seq: int) -> LoggedEvent:
    event = StreamEvent(
        type=EventType.STREAM_COMPLETE,
        stage=WorkflowStage.COMPLETED,
        run_id="r",
        gen=1,
        seq=seq,
        epoch=1,
    )
    return LoggedEvent.of(event)


class Source:
    """A view that counts what was taken from it, and says when it was closed.

    `ended` is set once its response has ended, with the connection it was sent on.
    """

    def __init__(self, batches: int, text: str = "x", error: Exception | None = None) -> None:
        self.taken = 0
        self.closed = asyncio.Event()
        self.ended = asyncio.Event()
        self._batches = batches
        self._text = text
        self._error = error

    async def view(self) -> Batches:
        try:
            for seq in range(1, self._batches + 1):
                self.taken += 1
                yield [chunk(seq, self._text)]
            if self._error is not None:
                raise self._error
            yield [end(self._batches + 1)]
        finally:
            self.closed.set()


@asynccontextmanager
async def served(source: Source, limits: StreamLimits = LIMITS) -> AsyncGenerator[int, None]:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        dialect = open_dialect("native")
        stream = EventStream(source.view(), dialect, after=Cursor(1, 0), limits=limits)
        await stream(scope, receive, send)
        assert (await receive())["type"] == "http.disconnect"
        source.ended.set()

    async with listening(app) as port:
        yield port


@asynccontextmanager
async def listening(app: ASGIApp) -> AsyncGenerator[int, None]:
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app,
        http=connection_class(ConnectionLimits.of(Settings())),
        lifespan="off",
        ws="none",
        log_config=None,
    )
    server = uvicorn.Server(config)
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        tasks.create_task(server.serve(sockets=[listener]))
        yield listener.getsockname()[1]
        server.should_exit = True


async def read_all(port: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(REQUEST)
    try:
        return await reader.read()
    finally:
        writer.close()


async def test_everything_arrives_in_order_and_the_response_ends() -> None:
    source = Source(batches=3)
    async with served(source) as port:
        body = await read_all(port)
    assert [b"id: 1-%d\n" % seq in body for seq in range(5)] == [True] * 5
    assert body.endswith(b"0\r\n\r\n")
    assert source.closed.is_set()


async def test_a_viewer_that_takes_nothing_is_dropped_and_holds_little() -> None:
    text = "x" * 10_000
    source = Source(batches=100_000, text=text)
    async with served(source) as port:
        with socket.create_connection(("127.0.0.1", port)) as viewer:
            viewer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            viewer.setblocking(False)  # noqa: FBT003 - the socket module's own signature
            viewer.send(REQUEST)
            await source.closed.wait()
            await source.ended.wait()
    # what the kernel's own buffers took, and no more than ours may hold
    assert source.taken * len(text) < 16 * 1024 * 1024


async def test_a_viewer_that_leaves_ends_its_view() -> None:
    class Endless(Source):
        async def view(self) -> Batches:
            try:
                yield [chunk(1)]
                await asyncio.get_running_loop().create_future()
            finally:
                self.closed.set()

    source = Endless(0)
    async with served(source) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(REQUEST)
        await reader.readuntil(b"id: 1-1\n")
        writer.close()
        await source.closed.wait()


@pytest.mark.parametrize("error", [StoreError("cannot be read"), None])
async def test_a_stream_that_breaks_off_does_not_end_as_complete(error: StoreError | None) -> None:
    class Cut(Source):
        async def view(self) -> Batches:
            async for batch in super().view():
                if not batch[-1].event.is_terminal:
                    yield batch

    async with served(Cut(batches=2, error=error)) as port:
        body = b""
        with socket.create_connection(("127.0.0.1", port)) as viewer:
            viewer.setblocking(False)  # noqa: FBT003 - the socket module's own signature
            viewer.send(REQUEST)
            try:
                while piece := await asyncio.get_running_loop().sock_recv(viewer, 65_536):
                    body += piece
            except ConnectionResetError:
                pass
    assert not body.endswith(b"0\r\n\r\n")
    gc.collect()


def test_a_viewers_batch_fits_its_buffer() -> None:
    limits = StreamLimits.of(Settings())
    transport_bytes = 64 * 1024
    held = transport_bytes + 2 * limits.batch_bytes
    assert held <= Settings().viewer_buffer_bytes
