"""A site on loopback with one page, which it sends once it is let."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

_PAGE = (
    b"<html><head><title>The lock keeper</title></head><body><h1>The lock keeper</h1>"
    b"<p>The lock keeper opens the sluice at high tide.</p></body></html>"
)


class Site:
    """What runs: `port` is where; it answers when `let` is set.

    Attributes:
        port: On 127.0.0.1.
        let: Whether pages are sent by now.
    """

    def __init__(self) -> None:
        self.port = 0
        self.let = asyncio.Event()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Send the page, or that there is none."""
        try:
            request = await reader.readuntil(b"\r\n\r\n")
            await self.let.wait()
            found = request.startswith(b"GET /page ")
            status = b"200 OK" if found else b"404 Not Found"
            head = b"HTTP/1.1 %s\r\ncontent-type: text/html\r\ncontent-length: %d\r\n"
            body = _PAGE if found else b""
            writer.write(head % (status, len(body)) + b"connection: close\r\n\r\n" + body)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # its client left
        finally:
            writer.close()


@asynccontextmanager
async def site() -> AsyncGenerator[Site]:
    """A site that runs."""
    made = Site()
    async with await asyncio.start_server(made.answer, "127.0.0.1", 0) as server:
        made.port = server.sockets[0].getsockname()[1]
        yield made
        made.let.set()
