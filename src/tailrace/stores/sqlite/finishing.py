"""Floor 1: what becomes of a passage after it can be found by its words, in small transactions.

Rule 1: writing the trigram index takes several times as long as all the rest, so it is not waited
    for: a passage stands in `chunks_unfinished` until it is there.
Rule 2: what is removed from a full-text index stands in its file until its segments are merged,
    so that whoever erases for good calls `purge`.
Rule 3: a vector belongs to words, not to a passage: it stays while any passage has these words.
"""

import hashlib
from typing import Final

import apsw

from tailrace.stores.sqlite.rows import one, rows

_NEWEST: Final = (
    "SELECT c.id, c.heading, c.text, c.sha256 FROM chunks_unfinished AS u"
    " JOIN chunks AS c ON c.id = u.chunk_id ORDER BY u.chunk_id DESC LIMIT ?"
)
_UNUSED: Final = (
    "DELETE FROM vectors WHERE sha256 = ?1 AND NOT EXISTS (SELECT 1 FROM chunks WHERE sha256 = ?1)"
)
_MERGED_PAGES: Final = 32


def piece_sha256(heading: str, text: str) -> bytes:
    """The hash of what is embedded of a passage."""
    return hashlib.sha256(f"{heading}\n{text}".encode("utf-8", "surrogatepass")).digest()


def finish_pieces(connection: apsw.Connection, limit: int) -> int:
    """Finish the `limit` newest passages that are not finished yet; how many there were."""
    found = rows(connection, _NEWEST, (limit,))
    for chunk_id, heading, text, sha256 in found:
        rows(
            connection,
            "INSERT INTO chunk_parts (rowid, text) VALUES (?, ?)",
            (chunk_id, f"{heading}\n{text}"),
        )
        rows(connection, "DELETE FROM chunks_unfinished WHERE chunk_id = ?", (chunk_id,))
        if sha256 is None:  # it was here before there were any
            rows(
                connection,
                "UPDATE chunks SET sha256 = ? WHERE id = ?",
                (piece_sha256(heading, text), chunk_id),
            )
    return len(found)


def merge_parts(connection: apsw.Connection) -> bool:
    """Do a little of the work that keeps the trigram index quick; whether there was any."""
    before = connection.total_changes()
    rows(
        connection,
        "INSERT INTO chunk_parts (chunk_parts, rank) VALUES ('merge', ?)",
        (_MERGED_PAGES,),
    )
    return connection.total_changes() - before > 1


def remove_piece(connection: apsw.Connection, chunk_id: int) -> None:
    """Take a passage out of the trigram index, or out of those that wait for it."""
    if one(connection, "SELECT 1 FROM chunks_unfinished WHERE chunk_id = ?", (chunk_id,)) is None:
        rows(connection, "DELETE FROM chunk_parts WHERE rowid = ?", (chunk_id,))
    else:
        rows(connection, "DELETE FROM chunks_unfinished WHERE chunk_id = ?", (chunk_id,))


def forget_vector(connection: apsw.Connection, sha256: bytes | None) -> None:
    """Remove the vectors of words that no passage has any more."""
    if sha256 is not None:
        rows(connection, _UNUSED, (sha256,))


def purge(connection: apsw.Connection) -> None:
    """Write both full-text indexes anew without what was removed from them; not quick."""
    [(chunks, unfinished)] = rows(
        connection,
        "SELECT (SELECT count(*) FROM chunks), (SELECT count(*) FROM chunks_unfinished)",
    )
    for index, count in (("chunk_index", chunks), ("chunk_parts", chunks - unfinished)):
        command = "optimize" if count else "delete-all"  # `optimize` keeps what was all removed
        rows(connection, f"INSERT INTO {index} ({index}) VALUES (?)", (command,))  # noqa: S608 - constants of ours
