"""A web page and a model for embeddings, on loopback, once they are let."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

_PAGE = (
    b"<html><head><title>The lock keeper</title></head><body><h1>The lock keeper</h1>"
    b"<p>The lock keeper opens the sluice at high tide.</p></body></html>"
)
_VECTOR = [0.6, 0.8, 0.0, 0.0]


class Site:
    """What runs; it answers once `let` is set.

    Attributes:
        port: On 127.0.0.1.
        let: Whether anything is sent by now.
    """

    def __init__(self) -> None:
        self.port = 0
        self.let = asyncio.Event()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Send the page, vectors, or that there is nothing."""
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            body = await reader.readexactly(_length(head))
            await self.let.wait()
            found, kind, sent = b"200 OK", b"text/html", _PAGE
            if head.startswith(b"POST "):
                kind, sent = b"application/json", _vectors(body)
            elif not head.startswith(b"GET /page "):
                found, sent = b"404 Not Found", b""
            start = b"HTTP/1.1 %s\r\ncontent-type: %s\r\ncontent-length: %d\r\n"
            writer.write(start % (found, kind, len(sent)) + b"connection: close\r\n\r\n" + sent)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # its client left
        finally:
            writer.close()


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


def _vectors(body: bytes) -> bytes:
    texts: list[str] = json.loads(body)["input"]
    data = [{"index": index, "embedding": _VECTOR} for index in range(len(texts))]
    return json.dumps({"data": data}).encode()


@asynccontextmanager
async def site() -> AsyncGenerator[Site]:
    """A site that runs."""
    made = Site()
    async with await asyncio.start_server(made.answer, "127.0.0.1", 0) as server:
        made.port = server.sockets[0].getsockname()[1]
        try:
            yield made
        finally:
            made.let.set()
