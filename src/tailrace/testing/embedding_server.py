"""Testing floor: EmbeddingServer, an endpoint for embeddings on loopback that does as it is told.

Rule: nothing it starts outlives its `async with`.
"""

import asyncio
from collections import deque
from types import TracebackType
from typing import Self

import msgspec

from tailrace.testing.embedders import WordEmbedder

_MAX_HEAD_BYTES = 16 * 1024


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What a request is answered with; `body` None: the vectors that were asked for."""

    status: int = 200
    headers: tuple[str, ...] = ()
    body: bytes | None = None


class _Body(msgspec.Struct, frozen=True):
    model: str
    input: list[str]


class EmbeddingServer:
    """Speaks OpenAI's protocol for embeddings; its vectors are those of `WordEmbedder`.

    Attributes:
        replies: What the next requests are answered with; after the last, the vectors.
        requests: The texts of each request so far.
        heads: The head of each request so far.
    """

    def __init__(self, *replies: Reply) -> None:
        self.replies = deque(replies)
        self.requests: list[list[str]] = []
        self.heads: list[str] = []
        self._words = WordEmbedder()
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(
            self._accept, "127.0.0.1", 0, limit=_MAX_HEAD_BYTES
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._server:
            self._server.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    @property
    def url(self) -> str:
        """Its base URL."""
        port: int = self._server.sockets[0].getsockname()[1] if self._server else 0
        return f"http://127.0.0.1:{port}/v1"

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                lengths = [
                    line.split(":")[1]
                    for line in head.splitlines()
                    if line.lower().startswith("content-length:")
                ]
                body = await reader.readexactly(int(lengths[0]))
                self.heads.append(head)
                writer.write(await self._answer(body))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client left
        finally:
            writer.close()

    async def _answer(self, body: bytes) -> bytes:
        texts = msgspec.json.decode(body, type=_Body).input
        self.requests.append(texts)
        reply = self.replies.popleft() if self.replies else Reply()
        answer = reply.body
        if answer is None:
            vectors = await self._words.embed(texts)
            items = [
                {"object": "embedding", "index": place, "embedding": vector.tolist()}
                for place, vector in enumerate(vectors)
            ]
            answer = msgspec.json.encode({"object": "list", "data": items[::-1]})
        lines = [
            f"HTTP/1.1 {reply.status} Said",
            "content-type: application/json",
            f"content-length: {len(answer)}",
            *reply.headers,
        ]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + answer
