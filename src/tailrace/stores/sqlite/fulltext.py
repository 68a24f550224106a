"""Floor 1: how text and terms are written for the full-text indexes, and how they are asked.

Rule 1: text and term are treated alike, so that what stands in a text is found by it.
Rule 2: a term becomes a quoted string; nothing a person types is query syntax.
Rule 3: what a search costs does not grow with how common its words are: the commonest are left
    out where rarer ones exist.
"""

import json
import re
from collections.abc import Sequence
from typing import Final

import apsw
import msgspec

from tailrace.stores.documents import Hit, Leg, TermStatistics, Within
from tailrace.stores.sqlite.affordable import PartFrequencies, affordable_words, newest_chunk
from tailrace.stores.sqlite.rows import Row, rows
from tailrace.stores.sqlite.within import predicate

HIT_COLUMNS: Final = (
    "c.id, d.id, d.revision, c.ordinal, d.title, d.source, c.heading, c.char_start, c.char_end, "
    "c.text, c.page, d.kind, d.origin"
)

_UNSPACED: Final = re.compile(
    "[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003134f]"
)
_UNWRITABLE: Final = re.compile("[\0\ud800-\udfff]")
_HEADING_WEIGHT: Final = 1.0
_CANDIDATES: Final = 8
_INDEX: Final = {Leg.WORDS: "chunk_index", Leg.PARTS: "chunk_parts"}
_FREQUENCY: Final = """
SELECT count(*) FROM chunk_index AS i
JOIN chunks AS c ON c.id = i.rowid
JOIN documents AS d ON d.text_id = c.text_id
WHERE chunk_index MATCH ? AND d.owner = ?
"""
_FOUND_IN: Final = """
SELECT rowid FROM chunk_index
WHERE chunk_index MATCH ? AND rowid IN (SELECT value FROM json_each(?))
"""
_SCORE: Final = {
    Leg.WORDS: f"bm25(chunk_index, {_HEADING_WEIGHT}, 1.0)",
    Leg.PARTS: "bm25(chunk_parts)",
}


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
    connection: apsw.Connection,
    owner: str,
    terms: Sequence[str],
    limit: int,
    within: Within,
    parts: PartFrequencies | None = None,
) -> list[Hit]:
    """The `limit` best passages that have one of `terms`; with `parts`, within words too."""
    if limit < 1:
        return []
    if parts is None:
        leg, phrases = Leg.WORDS, [phrase(term) for term in terms]
        phrases = affordable_words(connection, phrases, newest_chunk(connection))
    else:
        leg, phrases = Leg.PARTS, [part(each) for each in parts.affordable(connection, terms)]
    if not phrases:
        return []
    query = " OR ".join(phrases)
    where, wanted = predicate(owner, within)
    sql = (
        f"SELECT {HIT_COLUMNS}, -hits.score FROM (SELECT rowid, {_SCORE[leg]} AS score"  # noqa: S608 - constants of ours
        f" FROM {_INDEX[leg]} WHERE {_INDEX[leg]} MATCH ? ORDER BY score LIMIT ?) AS hits"
        " JOIN chunks AS c ON c.id = hits.rowid JOIN documents AS d ON d.text_id = c.text_id"
        f" WHERE {where} ORDER BY hits.score, c.id LIMIT ?"
    )
    few = limit * _CANDIDATES  # joining all matches is slow: first only the best, whosever
    found: list[Row] = []
    for candidates in (few, -1):
        found = rows(connection, sql, (query, candidates, *wanted, limit))
        if len(found) >= limit:
            break
    return [hit_of(row) for row in found]


def hit_of(row: Row) -> Hit:
    """A hit, from `HIT_COLUMNS` and its score."""
    return msgspec.convert(dict(zip(Hit.__struct_fields__, row, strict=True)), Hit)


def term_statistics(
    connection: apsw.Connection, owner: str, terms: Sequence[str], chunk_ids: Sequence[int]
) -> TermStatistics:
    """How common `terms` are among the owner's passages, and which of `chunk_ids` have them."""
    total = rows(
        connection,
        "SELECT coalesce(sum(chunk_count), 0) FROM documents WHERE owner = ?",
        (owner,),
    )[0][0]
    asked = json.dumps(list(chunk_ids))
    return TermStatistics(
        chunk_count=total,
        frequency={
            term: rows(connection, _FREQUENCY, (phrase(term), owner))[0][0] for term in terms
        },
        found_in={
            term: frozenset(row[0] for row in rows(connection, _FOUND_IN, (phrase(term), asked)))
            for term in terms
        },
    )


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
