"""Floor 1: how text and terms are written for the full-text indexes, and how they are asked.

Rule 1: text and term are treated alike, so that what stands in a text is found by it.
Rule 2: a term becomes a quoted string; nothing a person types is query syntax.
Rule 3: what a search costs does not grow with how common its words are; see `affordable.py`.
"""

import json
import re
from collections.abc import Sequence
from typing import Final

import apsw
import msgspec

from tailrace.stores.documents import Hit, TermStatistics, Within
from tailrace.stores.sqlite.affordable import (
    COUNTED,
    PartFrequencies,
    affordable_words,
    passages_with,
)
from tailrace.stores.sqlite.rows import Row, one, rows
from tailrace.stores.sqlite.within import predicate

HIT_COLUMNS: Final = (
    "c.id, d.id, d.revision, c.ordinal, d.title, d.source, c.heading, c.char_start, c.char_end, "
    "c.text, c.page, d.kind, d.origin"
)

_UNSPACED: Final = re.compile(
    "[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003134f]"
)
_UNWRITABLE: Final = re.compile("[\0\ud800-\udfff]")
_HEADING_WEIGHT: Final = 2.0
_CANDIDATES: Final = 8

_WORDS: Final = "chunk_index"
_PARTS: Final = "chunk_parts"
_SCORE: Final = {
    _WORDS: f"bm25(chunk_index, {_HEADING_WEIGHT}, 1.0)",
    _PARTS: "bm25(chunk_parts)",
}
_OTHER_OWNER: Final = (
    "SELECT EXISTS (SELECT 1 FROM documents WHERE owner < ?1)"
    " OR EXISTS (SELECT 1 FROM documents WHERE owner > ?1)"
)
_OWNED: Final = """
SELECT count(*) FROM (SELECT 1 FROM chunk_index AS i
JOIN chunks AS c ON c.id = i.rowid
JOIN documents AS d ON d.text_id = c.text_id
WHERE chunk_index MATCH ? AND d.owner = ? LIMIT ?)
"""
_FOUND_IN: Final = """
SELECT rowid FROM chunk_index
WHERE chunk_index MATCH ? AND rowid IN (SELECT value FROM json_each(?))
"""


def indexed(text: str) -> str:
    """`text` as it goes into the index: scripts without spaces get one around each character."""
    return _UNSPACED.sub(r" \g<0> ", text)


def phrase(term: str) -> str:
    """`term` as a quoted string that matches its words next to one another."""
    return _quoted(indexed(_UNWRITABLE.sub(" ", term)))


def part(term: str) -> str:
    """`term` as a quoted string that matches it anywhere, within words too."""
    return _quoted(_UNWRITABLE.sub(" ", term))


def search(
    connection: apsw.Connection, owner: str, terms: Sequence[str], limit: int, within: Within
) -> list[Hit]:
    """The `limit` best passages that have one of `terms` as a word, in whatever form."""
    phrases, ideal = affordable_words(connection, [phrase(term) for term in terms])
    found = _found(connection, _WORDS, phrases, limit, predicate(owner, within))
    return [msgspec.structs.replace(hit, score=hit.score / ideal) for hit in found]


def search_parts(
    connection: apsw.Connection,
    owner: str,
    terms: Sequence[str],
    limit: int,
    within: Within,
    parts: PartFrequencies,
) -> list[Hit]:
    """The `limit` best passages that have one of `terms`, within words too."""
    condition = predicate(owner, within)
    where, bound = condition
    sql = f"SELECT 1 FROM documents AS d WHERE {where} LIMIT 1"  # noqa: S608 - constants of ours
    if not terms or one(connection, sql, bound) is None:
        return []
    phrases = [part(term) for term in parts.affordable(connection, terms)]
    return _found(connection, _PARTS, phrases, limit, condition)


def unknown(connection: apsw.Connection, terms: Sequence[str]) -> list[str]:
    """Those of `terms` that no passage has as a word."""
    sql = "SELECT 1 FROM chunk_index WHERE chunk_index MATCH ? LIMIT 1"
    return [term for term in terms if one(connection, sql, (phrase(term),)) is None]


def hit_of(row: Row) -> Hit:
    """A hit, from `HIT_COLUMNS` and its score."""
    return msgspec.convert(dict(zip(Hit.__struct_fields__, row, strict=True)), Hit)


def term_statistics(
    connection: apsw.Connection, owner: str, terms: Sequence[str], chunk_ids: Sequence[int]
) -> TermStatistics:
    """How common `terms` are among the owner's passages, and which of `chunk_ids` have them.

    That a term is in some thousand passages is exact; of one in more it is estimated.
    """
    total = rows(
        connection,
        "SELECT coalesce(sum(chunk_count), 0) FROM documents WHERE owner = ?",
        (owner,),
    )[0][0]
    shared = bool(rows(connection, _OTHER_OWNER, (owner,))[0][0])
    asked = json.dumps(list(chunk_ids))
    frequency: dict[str, int] = {}
    found_in: dict[str, frozenset[int]] = {}
    for term in terms:
        match = phrase(term)
        if shared:
            most = rows(connection, _OWNED, (match, owner, COUNTED))[0][0]
        else:
            most = passages_with(connection, match)
        frequency[term] = min(most, total)
        found_in[term] = frozenset(row[0] for row in rows(connection, _FOUND_IN, (match, asked)))
    return TermStatistics(chunk_count=total, frequency=frequency, found_in=found_in)


def _found(
    connection: apsw.Connection,
    index: str,
    phrases: Sequence[str],
    limit: int,
    condition: tuple[str, tuple[str, ...]],
) -> list[Hit]:
    if not phrases or limit < 1:
        return []
    where, bound = condition
    sql = (
        f"SELECT {HIT_COLUMNS}, -hits.score FROM (SELECT rowid, {_SCORE[index]} AS score"  # noqa: S608 - constants of ours
        f" FROM {index} WHERE {index} MATCH ? ORDER BY score LIMIT ?) AS hits"
        " JOIN chunks AS c ON c.id = hits.rowid JOIN documents AS d ON d.text_id = c.text_id"
        f" WHERE {where} ORDER BY hits.score, c.id LIMIT ?"
    )
    query = " OR ".join(phrases)
    few = limit * _CANDIDATES  # joining all matches is slow: first only the best, whosever
    found: list[Row] = []
    for candidates in (few, -1):
        found = rows(connection, sql, (query, candidates, *bound, limit))
        if len(found) >= limit:
            break
    return [hit_of(row) for row in found]


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
