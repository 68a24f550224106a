"""A side: the same bytes to every viewer from a bare asyncio protocol.

No log, no store, no HTTP library, no limits, no heartbeat. What is left is what a write to a
socket costs.

Run: python benchmarks/ceiling.py <home>; the first line printed is its URL.
"""

import argparse
import asyncio
import sys
from typing import cast, final

import uvloop

from orders import Order, tokens
from tailrace.dialects.registry import open_dialect
from tailrace.events.event import StreamEvent
from tailrace.events.logged import LoggedEvent
from tailrace.events.types import EventType, NodeType, WorkflowStage
from tailrace.wire import sse

_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_END = b"0\r\n\r\n"


@final
class _Broadcast:
    """One run, and all who watch it."""

    def __init__(self) -> None:
        self.viewers: set[asyncio.Transport] = set()
        self._speaking: asyncio.Task[None] | None = None

    def start(self, order: Order) -> None:
        """Begin to speak."""
        self._speaking = asyncio.get_running_loop().create_task(self._speak(order))

    async def _speak(self, order: Order) -> None:
        seq, offset = 1, 0
        async for text in tokens(order):
            seq += 1
            frame = _frame(text, seq, offset)
            offset += len(text)
            for viewer in self.viewers:
                viewer.write(frame)
        for viewer in self.viewers:
            viewer.write(_END)
        self.viewers.clear()


def _frame(text: str, seq: int, offset: int) -> bytes:
    event = StreamEvent(
        type=EventType.STREAM_CHUNK,
        content=text,
        stage=WorkflowStage.INTENT_ANALYSIS,
        node=NodeType.EXECUTE,
        metadata={"index": seq - 2, "offset": offset},
        run_id="01kb5x3v9m8q2w4e6r8t0y2u4j",
        gen=1,
        seq=seq,
        epoch=1,
    )
    frames = open_dialect("native").frames(LoggedEvent.of(event))
    data = b"".join([sse.encode(frame) for frame in frames])
    return b"%x\r\n%b\r\n" % (len(data), data)


@final
class _Connection(asyncio.Protocol):
    def __init__(self, broadcast: _Broadcast) -> None:
        self._broadcast = broadcast
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        self._transport.write(_HEAD)
        if data.startswith(b"GET"):
            self._broadcast.viewers.add(self._transport)
            return
        self._broadcast.start(Order.parse(data.partition(b"\r\n\r\n")[2].decode()))
        self._transport.write(_END)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        if self._transport is not None:
            self._broadcast.viewers.discard(self._transport)


async def _serve() -> None:
    broadcast = _Broadcast()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(broadcast), "127.0.0.1", 0, backlog=4096)
    sys.stdout.write(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", help="not used: nothing is kept")
    parser.parse_args()
    uvloop.run(_serve())


if __name__ == "__main__":
    main()
