"""Floor 1: the pieces documents are written in; each is one small transaction."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import PurePosixPath
from typing import Final

import apsw
import msgspec

from tailrace.errors import NotFoundError
from tailrace.stores.documents import DocumentRow, Move, NewChunk, NewDocument
from tailrace.stores.sqlite import fulltext, revisions
from tailrace.stores.sqlite.finishing import forget_vector, piece_sha256, remove_piece
from tailrace.stores.sqlite.rows import Row, one, rows, time_text

DOCUMENT_COLUMNS: Final = ", ".join(DocumentRow.__struct_fields__)

_DELETES_A_WRITE: Final = 200
_PUBLISH: Final = f"""
INSERT INTO documents (owner, source, title, kind, size_bytes, mtime_ns, sha256, revision, text_id,
                       char_count, chunk_count, status, reason, origin, summary, tags,
                       document_type, created_at, updated_at)
VALUES (?, ?, ?, ?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (owner, source) DO UPDATE SET
  title = excluded.title, kind = excluded.kind, size_bytes = excluded.size_bytes,
  mtime_ns = excluded.mtime_ns, sha256 = excluded.sha256, revision = revision + 1,
  text_id = excluded.text_id, char_count = excluded.char_count,
  chunk_count = excluded.chunk_count, status = excluded.status, reason = excluded.reason,
  origin = excluded.origin, summary = excluded.summary, tags = excluded.tags,
  document_type = excluded.document_type, updated_at = excluded.updated_at
RETURNING {DOCUMENT_COLUMNS}
"""  # noqa: S608 - the columns are ours


def add_text(connection: apsw.Connection, text: str) -> int:
    """The id of `text`, which nobody sees yet."""
    rows(connection, "INSERT INTO document_texts (text) VALUES (?)", (text,))
    return connection.last_insert_rowid()


def add_chunks(
    connection: apsw.Connection, text_id: int, first: int, chunks: Sequence[NewChunk]
) -> None:
    """Add chunks, `first` being the ordinal of the first, to a text."""
    for ordinal, chunk in enumerate(chunks, start=first):
        rows(
            connection,
            "INSERT INTO chunks (text_id, ordinal, heading, char_start, char_end, text, page,"
            " sha256) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(text_id, ordinal, chunk.heading, chunk.char_start, chunk.char_end),
                *(chunk.text, chunk.page, piece_sha256(chunk.heading, chunk.text)),
            ),
        )
        chunk_id = connection.last_insert_rowid()
        rows(
            connection,
            "INSERT INTO chunk_index (rowid, heading, text) VALUES (?, ?, ?)",
            (chunk_id, fulltext.indexed(chunk.heading), fulltext.indexed(chunk.text)),
        )
        rows(connection, "INSERT INTO chunks_unfinished VALUES (?)", (chunk_id,))


def publish(
    connection: apsw.Connection,
    document: NewDocument,
    text_id: int | None,
    chunk_count: int,
    at: datetime,
    *,
    only_next: bool,
) -> tuple[DocumentRow, int | None]:
    """The document with its new text, and the text it had before.

    Raises:
        NotFoundError: `only_next`, and there was none before.
    """
    before = one(
        connection,
        "SELECT text_id FROM documents WHERE owner = ? AND source = ?",
        (document.owner, document.source),
    )
    if before is None and only_next:
        msg = f"there is no document {document.title!r} any more"
        raise NotFoundError(msg)
    published = rows(
        connection,
        _PUBLISH,
        (
            document.owner,
            document.source,
            document.title,
            document.kind,
            document.size_bytes,
            document.mtime_ns,
            document.sha256,
            text_id,
            len(document.text),
            chunk_count,
            document.status,
            document.reason,
            document.origin,
            document.summary,
            document.tags,
            document.document_type,
            time_text(at),
            time_text(at),
        ),
    )
    row = document_row(published[0])
    replaced = before[0] if before else None
    if replaced is not None:
        revisions.keep(connection, row, replaced, at)
    return row, replaced


def move(connection: apsw.Connection, owner: str, moves: Sequence[Move]) -> None:
    """Remember where files are by now; a title that was the file's name follows."""
    for each in moves:
        found = one(
            connection,
            "SELECT source, title FROM documents WHERE id = ? AND owner = ?",
            (each.document_id, owner),
        )
        if found is None:
            continue
        before, title = found
        if title == PurePosixPath(before).name:
            title = PurePosixPath(each.source).name
        rows(
            connection,
            "UPDATE OR IGNORE documents SET source = ?, title = ?, mtime_ns = ? WHERE id = ?",
            (each.source, title, each.mtime_ns, each.document_id),
        )


def clear_piece(connection: apsw.Connection, text_id: int) -> bool:
    """Remove some of the text's chunks, or, where none is left, the text itself unless it is kept.

    Returns:
        Whether none is left.
    """
    found = rows(
        connection,
        "SELECT id, sha256 FROM chunks WHERE text_id = ? LIMIT ?",
        (text_id, _DELETES_A_WRITE),
    )
    for chunk_id, sha256 in found:
        remove_piece(connection, chunk_id)
        rows(connection, "DELETE FROM chunk_index WHERE rowid = ?", (chunk_id,))
        rows(connection, "DELETE FROM chunks WHERE id = ?", (chunk_id,))
        forget_vector(connection, sha256)
    if len(found) == _DELETES_A_WRITE:
        return False
    rows(
        connection,
        f"DELETE FROM document_texts WHERE id = ? AND id NOT IN {revisions.HELD}",  # noqa: S608 - a constant of ours
        (text_id,),
    )
    return True


def document_row(row: Row) -> DocumentRow:
    """A document, from `DOCUMENT_COLUMNS`."""
    names = DocumentRow.__struct_fields__
    return msgspec.convert(dict(zip(names, row, strict=True)), DocumentRow)


def below(path: str) -> tuple[str, str]:
    """The range, first and end, of the sources below `path`; "0" follows "/"."""
    stem = path.rstrip("/")
    return stem + "/", stem + "0"


def is_at_or_below(source: str, path: str) -> bool:
    """Whether `source` is `path` or lies in it."""
    first, end = below(path)
    return source == path or first <= source < end
