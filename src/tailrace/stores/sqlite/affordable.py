"""Floor 1: which of a question's terms are looked for, so that no search takes long.

Rule 1: what a term costs is about how many passages have to be looked at for it: those that have
    the word, or those that have its rarest three letters.
Rule 2: the rarest terms come first; what would make it too much is left out. A word that is in
    most passages says next to nothing about any of them.
"""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Final

import apsw

from tailrace.stores.sqlite.rows import one, rows

WORD_ROWS: Final = 20_000
"""So many passages are scored for words; of the rarest word, all."""

PART_ROWS: Final = 12_000
COUNTED: Final = 4_000
_LEAST_WEIGHT: Final = 1e-6
"""Of a word that is in more than half of the passages, as FTS5 has it."""

_MOST_PARTS: Final = 6
_PART_CHARS: Final = 3
_LEAST_CHARS: Final = 4
"""Three letters stand within too many words to tell anything."""

_SAMPLE: Final = 256

_SEEN: Final = (
    "SELECT count(*), max(rowid) FROM (SELECT rowid FROM chunk_index WHERE chunk_index MATCH ?"
    " ORDER BY rowid LIMIT ?)"
)


def affordable_words(
    connection: apsw.Connection, phrases: Sequence[str]
) -> tuple[list[str], float]:
    """Those of `phrases` that are looked for, and the BM25 of a passage that has each once."""
    costs = {phrase: passages_with(connection, phrase) for phrase in phrases}
    [(total,)] = rows(connection, "SELECT coalesce(sum(chunk_count), 0) FROM documents")
    weights = [math.log(max(total - count + 0.5, 0.5) / (count + 0.5)) for count in costs.values()]
    ideal = sum(max(weight, _LEAST_WEIGHT) for weight in weights)
    return _within(costs, WORD_ROWS, at_least=1), ideal or 1.0


def passages_with(connection: apsw.Connection, phrase: str) -> int:
    """How many passages have `phrase`; where they are some thousand, about how many."""
    count, last = rows(connection, _SEEN, (phrase, COUNTED))[0]
    if count < COUNTED:
        return count
    return round(count * newest_chunk(connection) / max(last, 1))


class PartFrequencies:
    """How common three letters in a row are, learned from a sample of the passages."""

    def __init__(self) -> None:
        self._shares: Counter[str] = Counter()
        self._sampled = 0
        self._newest = 0

    def affordable(self, connection: apsw.Connection, terms: Sequence[str]) -> list[str]:
        """Those of `terms` that are looked for within words."""
        newest = newest_chunk(connection)
        if newest > 2 * self._newest or not self._sampled:
            self._learn(connection, newest)
        costs = {
            term: newest * (self._rarest(term) + 1) // (self._sampled + 1)
            for term in terms
            if len(term) >= _LEAST_CHARS
        }
        return _within(costs, PART_ROWS)[:_MOST_PARTS]

    def _rarest(self, term: str) -> int:
        return min(self._shares[part] for part in parts_of(term))

    def _learn(self, connection: apsw.Connection, newest: int) -> None:
        shares: Counter[str] = Counter()
        sampled = 0
        step = max(newest // _SAMPLE, 1)
        for first in range(1, newest + 1, step):
            row = one(
                connection,
                "SELECT text FROM chunks WHERE id >= ? AND id < ? LIMIT 1",
                (first, first + step),
            )
            if row is not None:
                sampled += 1
                shares.update(parts_of(row[0].lower()))
        self._shares, self._sampled, self._newest = shares, sampled, newest


def newest_chunk(connection: apsw.Connection) -> int:
    """The highest id of a passage; 0 where there is none."""
    return rows(connection, "SELECT coalesce(max(id), 0) FROM chunks")[0][0]


def parts_of(text: str) -> set[str]:
    """Each three characters of `text` that follow one another."""
    return {text[at : at + _PART_CHARS] for at in range(len(text) - _PART_CHARS + 1)}


def _within(costs: dict[str, int], budget: int, at_least: int = 0) -> list[str]:
    chosen: list[str] = []
    spent = 0
    for term in sorted(costs, key=costs.__getitem__):
        spent += costs[term]
        if spent > budget and len(chosen) >= at_least:
            break
        chosen.append(term)
    return chosen
