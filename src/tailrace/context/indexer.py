"""Floor 2: VectorIndexer, what finishes passages and embeds them in the background.

Rule 1: one task, which its owner awaits; it sleeps until something came, and polls nothing.
Rule 2: what streams meanwhile comes first: it writes little at a time, and rests as long as it
    wrote.
Rule 3: what fails is tried again later, ever more rarely; the documents are searched by their
    words meanwhile.
"""

import asyncio
import logging
from collections.abc import Sequence
from enum import StrEnum
from typing import Final

import msgspec

from tailrace._clock import SYSTEM_CLOCK, Clock
from tailrace.context.children import embedded_texts
from tailrace.context.matrix import packed
from tailrace.errors import ModelError, StoreError
from tailrace.llm.embedding import Embedder
from tailrace.stores.vectors import Unembedded, VectorStore

_PIECES_AT_A_TIME: Final = 256
_TEXTS_A_BATCH: Final = 8
_QUIET_S: Final = 2.0
_FIRST_RETRY_S: Final = 5.0
_LAST_RETRY_S: Final = 300.0
_MERGES: Final = 8

_log = logging.getLogger(__name__)


class CoverageState(StrEnum):
    """What becomes of the vectors."""

    OFF = "off"
    """There is no embedding model: words alone are searched."""

    READY = "ready"
    """Every passage has its vector, or will have it without anybody's doing."""

    WORKING = "working"
    FAILED = "failed"
    """The embedding model cannot be used; it is tried again."""


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """How much of an owner's documents is searched by meaning.

    Attributes:
        pieces: All their passages.
        embedded: Those that have a vector of `model`.
        model: The embedding model; "" without one.
        reason: Why it failed, for people; "" where it did not.
    """

    pieces: int
    embedded: int
    model: str
    state: CoverageState
    reason: str = ""


class VectorIndexer:
    """Works for all owners of a store.

    Args:
        store: Where passages and vectors are.
        embedder: None: passages are finished, and not embedded.
        clock: What tells the time.
        quiet_s: Nothing is embedded until nothing came for so long: an embedding model is not
            loaded in the middle of a start, or of a scan.
    """

    def __init__(
        self,
        store: VectorStore,
        embedder: Embedder | None,
        clock: Clock = SYSTEM_CLOCK,
        *,
        quiet_s: float = _QUIET_S,
    ) -> None:
        self._quiet_s = quiet_s
        self._store = store
        self._embedder = embedder
        self._clock = clock
        self._woken = asyncio.Event()
        self._idle = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._failure = ""

    def start(self) -> None:
        """Begin to work, in a task that `aclose` ends."""
        if self._task is None:
            self.wake()
            self._task = asyncio.create_task(self._work(), name="index documents")

    def wake(self) -> None:
        """Say that documents have come or changed."""
        self._idle.clear()
        self._woken.set()

    async def settled(self) -> None:
        """Return once there is nothing left to do, or the embedding model failed."""
        await self._idle.wait()

    async def coverage(self, owner: str) -> Coverage:
        """How much of the owner's documents is searched by meaning by now."""
        model = self._embedder.model if self._embedder else ""
        covered = await self._store.covered(owner, model)
        return Coverage(
            pieces=covered.pieces,
            embedded=covered.embedded,
            model=model,
            state=self._state(complete=covered.embedded >= covered.pieces),
            reason=self._failure,
        )

    async def aclose(self) -> None:
        """End the work; what was not done is done by the next who starts."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None

    def _state(self, *, complete: bool) -> CoverageState:
        if self._embedder is None:
            return CoverageState.OFF
        if self._failure:
            return CoverageState.FAILED
        return CoverageState.READY if complete else CoverageState.WORKING

    async def _work(self) -> None:
        retry_s = _FIRST_RETRY_S
        while True:
            self._woken.clear()
            try:
                await self._finish()
                await self._embed()
            except (ModelError, StoreError) as exc:
                self._failure = str(exc)
                _log.warning("documents are not embedded for now: %s", exc)
                self._idle.set()
                await self._woken_within(retry_s)
                retry_s = min(retry_s * 2, _LAST_RETRY_S)
                continue
            self._failure, retry_s = "", _FIRST_RETRY_S
            if not self._woken.is_set():
                self._idle.set()
                await self._woken.wait()

    async def _woken_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return False
        self._woken.clear()
        return True

    async def _finish(self) -> None:
        """Make every passage findable by parts of its words."""
        while True:
            began_s = self._clock.monotonic_s()
            done = await self._store.finish()
            for _ in range(_MERGES):
                if not await self._store.tidy():
                    break
            if not done:
                return
            await asyncio.sleep(self._clock.monotonic_s() - began_s)

    async def _embed(self) -> None:
        if self._embedder is None:
            return
        if await self._store.unembedded(self._embedder.model, 1):
            while await self._woken_within(self._quiet_s):
                await self._finish()
        try:
            while pieces := await self._store.unembedded(self._embedder.model, _PIECES_AT_A_TIME):
                await self._embed_pieces(self._embedder, pieces)
                await self._finish()  # what came meanwhile
            while not await self._store.forget_others(self._embedder.model):
                pass
        finally:
            await self._embedder.rest()

    async def _embed_pieces(self, embedder: Embedder, pieces: Sequence[Unembedded]) -> None:
        batch: list[tuple[bytes, list[str]]] = []
        for piece in pieces:
            batch.append((piece.sha256, embedded_texts(piece.heading, piece.text)))
            if sum(len(texts) for _, texts in batch) >= _TEXTS_A_BATCH:
                await self._keep(embedder, batch)
                batch = []
        if batch:
            await self._keep(embedder, batch)

    async def _keep(self, embedder: Embedder, batch: Sequence[tuple[bytes, list[str]]]) -> None:
        vectors = iter(await embedder.embed([text for _, texts in batch for text in texts]))
        made = [(sha256, packed([next(vectors) for _ in texts])) for sha256, texts in batch]
        await self._store.keep(embedder.model, embedder.dimensions or 0, made)
