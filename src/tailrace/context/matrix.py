"""Floor 2: VectorMatrix, the vectors of all passages in memory, and the ones nearest to another.

Rule 1: it grows by what is new; nothing is read or built again for a question.
Rule 2: a vector takes a byte a dimension and a scale, and one bit a dimension beside that. Among
    many, the bits choose the candidates, and only these are compared exactly.
Rule 3: `append` may run while others search: what they see of it is whole rows.

A row is one part of a passage; its passage's vector id stands beside it, which is what is found.
"""

import importlib
from array import array
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from typing import Any, Final

from tailrace.llm.embedding import Vector
from tailrace.stores.vectors import VectorRow

EXACT_ROWS: Final = 16_384
CANDIDATES: Final = 3_072
_SCALE_BYTES: Final = 4
_FIRST_ROWS: Final = 1_024
_BLOCK_ROWS: Final = 4_096
_MOST: Final = 127.0


def is_possible() -> bool:
    """Whether what it needs is installed."""
    return find_spec("numpy") is not None


def packed(vectors: Iterable[Vector]) -> bytes:
    """The vectors of one passage's parts as the store keeps them."""
    data = bytearray()
    for vector in vectors:
        scale = max(max(map(abs, vector), default=0.0), 1e-12) / _MOST
        data += array("f", [scale]).tobytes()
        data += array("b", [round(value / scale) for value in vector]).tobytes()
    return bytes(data)


class VectorMatrix:
    """Vectors of one length.

    Attributes:
        last_id: The highest id that was appended; 0 where none was.
        ids: How many passages' vectors were appended.
    """

    def __init__(self, dimensions: int) -> None:
        # optional; untyped here, so that nothing above has to know of it
        self._numpy: Any = importlib.import_module("numpy")
        self._dimensions = dimensions
        self._words = -(-dimensions // 64)
        self._count = 0
        self._grow(_FIRST_ROWS)
        self.last_id = 0
        self.ids = 0

    def append(self, rows: Sequence[VectorRow]) -> None:
        """Add passages' vectors, in the order of their ids; those of another length are left."""
        numpy = self._numpy
        size_bytes = self._dimensions + _SCALE_BYTES
        whole = [row for row in rows if row.data and len(row.data) % size_bytes == 0]
        self.ids += len(rows)
        if whole:
            data = numpy.frombuffer(b"".join(row.data for row in whole), dtype=numpy.uint8)
            table = data.reshape(-1, size_bytes)
            parts = [len(row.data) // size_bytes for row in whole]
            count = self._count + len(table)
            if count > len(self._ids):
                self._grow(count)
            new = slice(self._count, count)
            self._ids[new] = numpy.repeat([row.id for row in whole], parts)
            self._scales[new] = table[:, :_SCALE_BYTES].copy().view(numpy.float32)[:, 0]
            self._rows[new] = table[:, _SCALE_BYTES:].view(numpy.int8)
            self._bits[new] = self._bits_of(self._rows[new])
            self._count = count
        if rows:
            self.last_id = rows[-1].id

    def nearest(
        self, query: Vector, count: int, among: Sequence[int] | None = None
    ) -> list[tuple[int, float]]:
        """The `count` vector ids nearest to `query`, of all or of `among`, with their cosines."""
        numpy = self._numpy
        places = None
        rows = self._count
        if among is not None:
            places = numpy.flatnonzero(numpy.isin(self._ids[:rows], numpy.array([*among], int)))
            rows = len(places)
        if not rows or len(query) != self._dimensions:
            return []
        asked = numpy.frombuffer(query, dtype=numpy.float32)
        if rows > EXACT_ROWS:
            places = self._candidates(asked, places)
        cosines = self._cosines(asked, places)
        ids = self._ids[: self._count] if places is None else self._ids[places]
        return self._best(ids, cosines, count)

    def _grow(self, rows: int) -> None:
        numpy = self._numpy
        capacity = max(rows, 2 * self._count, _FIRST_ROWS)
        ids = numpy.zeros(capacity, dtype=numpy.int64)
        scales = numpy.zeros(capacity, dtype=numpy.float32)
        table = numpy.zeros((capacity, self._dimensions), dtype=numpy.int8)
        bits = numpy.zeros((capacity, self._words), dtype=numpy.uint64)
        if self._count:
            have = slice(0, self._count)
            ids[have], scales[have] = self._ids[have], self._scales[have]
            table[have], bits[have] = self._rows[have], self._bits[have]
        self._ids, self._scales, self._rows, self._bits = ids, scales, table, bits

    def _bits_of(self, rows: Any) -> Any:  # noqa: ANN401 - arrays of numpy, which is optional
        numpy = self._numpy
        data = numpy.packbits(rows > 0, axis=1)
        padded = numpy.zeros((len(rows), self._words * 8), dtype=numpy.uint8)
        padded[:, : data.shape[1]] = data
        return padded.view(numpy.uint64)

    def _candidates(self, asked: Any, places: Any) -> Any:  # noqa: ANN401 - as above
        """The rows whose signs agree most with those of the query."""
        numpy = self._numpy
        bits = self._bits[: self._count] if places is None else self._bits[places]
        mine = self._bits_of(asked.reshape(1, -1))[0]
        differing = numpy.zeros(len(bits), dtype=numpy.uint16)
        for word in range(self._words):
            differing += numpy.bitwise_count(bits[:, word] ^ mine[word])
        near = numpy.argpartition(differing, CANDIDATES)[:CANDIDATES]
        return near if places is None else places[near]

    def _cosines(self, asked: Any, places: Any) -> Any:  # noqa: ANN401 - as above
        numpy = self._numpy
        if places is not None:
            rows = self._rows[places].astype(numpy.float32)
            return rows @ asked * self._scales[places]
        cosines = numpy.empty(self._count, dtype=numpy.float32)
        for first in range(0, self._count, _BLOCK_ROWS):
            block = slice(first, min(first + _BLOCK_ROWS, self._count))
            cosines[block] = self._rows[block].astype(numpy.float32) @ asked * self._scales[block]
        return cosines

    def _best(self, ids: Any, cosines: Any, count: int) -> list[tuple[int, float]]:  # noqa: ANN401 - as above
        """Of each passage its nearest part, the nearest passages first."""
        best: dict[int, float] = {}
        for place in self._numpy.argsort(-cosines, kind="stable"):
            best.setdefault(int(ids[place]), float(cosines[place]))
            if len(best) >= count:
                break
        return [*best.items()]
