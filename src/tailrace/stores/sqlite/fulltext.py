"""Floor 1: how text and terms are written for the full-text index, and how it is asked.

Rule 1: text and term are treated alike, so that what stands in a text is found by it.
Rule 2: a term becomes a quoted string; nothing a person types is query syntax.
"""

import json
import re
from collections.abc import Sequence
from typing import Final

import apsw
import msgspec

from tailrace.stores.documents import Hit, TermStatistics
from tailrace.stores.sqlite.rows import Row, rows

_UNSPACED: Final = re.compile(
    "[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003134f]"
)
_UNWRITABLE: Final = re.compile("[\0\ud800-\udfff]")
_HEADING_WEIGHT: Final = 1.0
_CANDIDATES: Final = 8

_FOUND: Final = """
SELECT c.id, d.id, d.revision, c.ordinal, d.title, d.source, c.heading, c.char_start, c.char_end,
       c.text, c.page, -hits.score
FROM (SELECT rowid, bm25(chunk_index, ?, 1.0) AS score FROM chunk_index WHERE chunk_index MATCH ?
      ORDER BY score LIMIT ?) AS hits
JOIN chunks AS c ON c.id = hits.rowid
JOIN documents AS d ON d.text_id = c.text_id
WHERE d.owner = ? AND (? IS NULL OR d.id IN (SELECT value FROM json_each(?)))
ORDER BY hits.score, c.id LIMIT ?
"""
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


def indexed(text: str) -> str:
    """`text` as it goes into the index: scripts without spaces get one around each character."""
    return _UNSPACED.sub(r" \g<0> ", text)


def phrase(term: str) -> str:
    """`term` as a quoted string that matches its words next to one another."""
    return '"' + indexed(_UNWRITABLE.sub(" ", term)).replace('"', '""') + '"'


def search(
    connection: apsw.Connection,
    owner: str,
    terms: Sequence[str],
    limit: int,
    document_ids: Sequence[int] | None,
) -> list[Hit]:
    """The `limit` best passages that have one of `terms`."""
    if not terms or limit < 1:
        return []
    query = " OR ".join(phrase(term) for term in terms)
    wanted = None if document_ids is None else json.dumps(list(document_ids))
    few = limit * _CANDIDATES  # joining all matches is slow: first only the best, whosever
    found: list[Row] = []
    for candidates in (few, -1):
        bindings = (_HEADING_WEIGHT, query, candidates, owner, wanted, wanted, limit)
        found = rows(connection, _FOUND, bindings)
        if len(found) >= limit:
            break
    return [
        msgspec.convert(dict(zip(Hit.__struct_fields__, row, strict=True)), Hit) for row in found
    ]


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
