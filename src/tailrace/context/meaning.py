"""Floor 2: Meaning, from a question to the passages that mean something near to it.

Rule 1: what is not embedded yet is not found this way, and is found by its words meanwhile.
Rule 2: an embedding model that fails takes nothing away: then words alone are searched, and the
    log says so.
Rule 3: vectors are read from the store once; later only what came since.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

import msgspec

from tailrace.context.matrix import VectorMatrix
from tailrace.errors import ModelError
from tailrace.llm.embedding import Embedder, Vector
from tailrace.stores.documents import Hit, Within
from tailrace.stores.vectors import VectorStore

_ROWS_A_READ: Final = 2_000
_QUESTIONS_KEPT: Final = 64
_QUESTION_CHARS: Final = 2_000
_FEW: Final = 2
_STALE_SHARE: Final = 0.2

_log = logging.getLogger(__name__)


class Meaning:
    """Finds passages by their vectors."""

    def __init__(self, embedder: Embedder, store: VectorStore) -> None:
        self._embedder = embedder
        self._store = store
        self._matrix: VectorMatrix | None = None
        self._reading = asyncio.Lock()
        self._asked: OrderedDict[str, Vector] = OrderedDict()

    async def search(self, text: str, *, owner: str, limit: int, within: Within) -> list[Hit]:
        """The `limit` passages nearest to `text`, the nearest first; a hit's score is its cosine.

        None where nothing is embedded, or the model cannot be asked.
        """
        matrix = await self._read()
        query = await self._vector(text) if matrix is not None else None
        if matrix is None or query is None:
            return []
        nearest = await asyncio.to_thread(matrix.nearest, query, limit * _FEW)
        hits = await self._hits(nearest, owner, within)
        if len(hits) < limit <= len(nearest):  # the nearest are other people's, or not wanted
            allowed = await self._store.ids_within(owner, self._embedder.model, within)
            nearest = await asyncio.to_thread(matrix.nearest, query, limit, allowed)
            hits = await self._hits(nearest, owner, within)
            await self._forget_stale(matrix)  # or they are gone
        return hits[:limit]

    async def cosines(self, text: str, chunk_ids: Sequence[int]) -> dict[int, float]:
        """How near `text` is to each of these passages, as far as they are embedded."""
        matrix = await self._read()
        query = await self._vector(text) if matrix is not None else None
        if matrix is None or query is None or not chunk_ids:
            return {}
        vectors = await self._store.ids_of(chunk_ids, self._embedder.model)
        ids = {*vectors.values()}
        nearest = dict(await asyncio.to_thread(matrix.nearest, query, len(ids), [*ids]))
        return {
            chunk_id: nearest[vector_id]
            for chunk_id, vector_id in vectors.items()
            if vector_id in nearest
        }

    async def _hits(
        self, nearest: Sequence[tuple[int, float]], owner: str, within: Within
    ) -> list[Hit]:
        cosines = dict(nearest)
        found = await self._store.hits(owner, [*cosines], within)
        scored = [
            msgspec.structs.replace(each.hit, score=cosines[each.vector_id]) for each in found
        ]
        return sorted(scored, key=lambda hit: (-hit.score, hit.chunk_id))

    async def _read(self) -> VectorMatrix | None:
        """The matrix with all that is in the store by now; None while there is nothing."""
        model = self._embedder.model
        async with self._reading:
            matrix = self._matrix
            after = matrix.last_id if matrix else 0
            while rows := await self._store.vectors_after(model, after, _ROWS_A_READ):
                after = rows[-1].id
                if matrix is None:
                    dimensions = await self._store.dimensions(model)
                    if not dimensions:
                        return None
                    matrix = VectorMatrix(dimensions)
                await asyncio.to_thread(matrix.append, rows)
                self._matrix = matrix
                if len(rows) < _ROWS_A_READ:
                    break
        return matrix

    async def _forget_stale(self, matrix: VectorMatrix) -> None:
        """Read all vectors anew, the next time, where many in memory have left the store."""
        gone = matrix.ids - await self._store.count(self._embedder.model)
        if self._matrix is matrix and gone > _STALE_SHARE * matrix.ids:
            self._matrix = None

    async def _vector(self, text: str) -> "Vector | None":
        asked = text[:_QUESTION_CHARS]
        if not asked.strip():
            return None
        vector = self._asked.get(asked)
        if vector is None:
            try:
                [vector] = await self._embedder.embed([asked], query=True)
            except ModelError as exc:
                _log.warning("a question cannot be embedded, its words are searched: %s", exc)
                return None
            self._asked[asked] = vector
            if len(self._asked) > _QUESTIONS_KEPT:
                self._asked.popitem(last=False)
        return vector
