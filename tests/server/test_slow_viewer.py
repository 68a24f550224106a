"""A viewer over HTTP that takes nothing holds up nobody, and still learns all once it reads."""

import asyncio
import socket
from typing import TYPE_CHECKING

from tailrace.events.event import StreamEvent
from tailrace.events.receipt import Receipt
from tailrace.events.types import Outcome
from tailrace.testing.model_script import Reply
from tailrace.wire.sse import SSEDecoder

if TYPE_CHECKING:
    from conftest import Serve

PIECE = "0123456789abcdef" * 4_096
PIECES = 110
"""More than most kernels' buffers take between them."""


async def test_a_viewer_that_stalls_holds_up_nobody_and_learns_all_once_it_reads(
    serve: "Serve",
) -> None:
    stalled = asyncio.Event()

    async def gate(sent: int) -> None:
        if sent == 1:
            await stalled.wait()

    async with (
        asyncio.timeout(50),
        serve(
            Reply(chunks=[PIECE] * PIECES, before_chunk=gate),
            max_answer_bytes=1 << 24,
            log_memory_bytes=256 * 1024,
        ) as serving,
    ):
        run_id = await serving.start()
        with socket.socket() as viewer:
            viewer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
            viewer.setblocking(False)  # noqa: FBT003 - the socket module's own signature
            loop = asyncio.get_running_loop()
            await loop.sock_connect(viewer, ("127.0.0.1", serving.port))
            request = f"GET /api/agent/runs/{run_id}/events HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n"
            await loop.sock_sendall(viewer, request.encode())
            body = await loop.sock_recv(viewer, 1_024)
            stalled.set()
            others = await serving.events(run_id)  # the run ends, and another viewer has it all
            while piece := await loop.sock_recv(viewer, 1 << 20):
                body += piece
        receipt = Receipt()
        for frame in SSEDecoder().feed(body.partition(b"\r\n\r\n")[2]):
            receipt.take(StreamEvent.from_json_bytes(frame.data.encode()))
        assert receipt.problems == []
        assert (receipt.outcome, receipt.fold.text) == (Outcome.ANSWERED, PIECE * PIECES)
        assert [event.seq for event in others] == list(range(1, len(others) + 1))
