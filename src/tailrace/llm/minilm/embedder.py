"""Floor 1: MiniLMEmbedder, search by meaning without any service.

Rule 1: a question is embedded here, in a thread: milliseconds, and nothing is before it.
Rule 2: documents are embedded in a process of their own that gives way to everything else, so
    that what streams meanwhile is not held up.
Rule 3: neither is loaded before it is needed.
"""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from tailrace.llm.embedding import Vector
from tailrace.llm.minilm.model import DIMENSIONS, MODEL, MiniLM
from tailrace.llm.minilm.process import EmbeddingProcess


class MiniLMEmbedder:
    """An `Embedder` on this machine."""

    model = MODEL
    dimensions = DIMENSIONS

    def __init__(self) -> None:
        self._model: MiniLM | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="tailrace-embed")
        self._process = EmbeddingProcess()

    @property
    def pid(self) -> int | None:
        """The id of the process that embeds documents; None while there is none."""
        return self._process.pid

    async def embed(self, texts: Sequence[str], *, query: bool = False) -> list[Vector]:
        """The vector of each of `texts`.

        Raises:
            ModelUnavailableError: the model cannot be loaded, or its process died.
        """
        if not texts:
            return []
        if not query:
            return await self._process.embed(texts)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._embed_here, [*texts])

    async def rest(self) -> None:
        """End the process."""
        await self._process.stop()

    async def aclose(self) -> None:
        """End the process, and let go of the model."""
        await self._process.stop()
        await asyncio.to_thread(self._thread.shutdown)

    def _embed_here(self, texts: list[str]) -> list[Vector]:
        self._model = self._model or MiniLM()
        return [self._model.embed(text) for text in texts]
