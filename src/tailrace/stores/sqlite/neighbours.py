"""Floor 1: the passages that stand around one."""

from typing import Final

import apsw

from tailrace.stores.documents import Hit
from tailrace.stores.sqlite.fulltext import HIT_COLUMNS, hit_of
from tailrace.stores.sqlite.rows import rows

_OF: Final = (
    f"SELECT {HIT_COLUMNS}, 0.0 FROM documents AS d JOIN chunks AS c ON c.text_id = d.text_id"  # noqa: S608 - constants of ours
    " WHERE d.id = ? AND d.revision = ? AND d.owner = ?"
)
_BEFORE: Final = f"{_OF} AND c.char_end <= ? ORDER BY c.ordinal DESC LIMIT ?"
_AFTER: Final = f"{_OF} AND c.char_start >= ? ORDER BY c.ordinal LIMIT ?"


def neighbours(
    connection: apsw.Connection, of: tuple[int, int, str], start: int, end: int, count: int
) -> list[Hit]:
    """Up to `count` passages that end before `start` and as many that start at `end` or later.

    `of` is a document's id, its revision and its owner.
    """
    many = max(count, 0)
    before = rows(connection, _BEFORE, (*of, start, many))
    after = rows(connection, _AFTER, (*of, end, many))
    return [hit_of(row) for row in (*reversed(before), *after)]
