"""Floor 1: the revisions of a document that were replaced, kept for what old answers cite.

Rule 1: the text of a revision never changes, and is gone with its document.
Rule 2: of one document the newest 20 replaced texts are kept, and of those 32 MiB.
Rule 3: a replaced text is shown and never searched: it has no chunks.
"""

from datetime import datetime
from typing import Final

import apsw
import msgspec

from tailrace.errors import NotFoundError, RevisionTrimmedError
from tailrace.stores.documents import DocumentRow
from tailrace.stores.sqlite.rows import one, rows, time_text

KEPT_REVISIONS: Final = 20
KEPT_BYTES: Final = 32 * 1024 * 1024

HELD: Final = "(SELECT text_id FROM document_revisions)"
"""The texts that are kept here."""

_KEEP: Final = """
INSERT INTO document_revisions (document_id, revision, text_id, size_bytes, char_count, replaced_at)
SELECT ?, ?, id, length(CAST(text AS BLOB)), length(text), ? FROM document_texts WHERE id = ?
"""
_SURPLUS: Final = """
SELECT revision, text_id FROM (
  SELECT revision, text_id,
         row_number() OVER (ORDER BY revision DESC) AS place,
         sum(size_bytes) OVER (ORDER BY revision DESC) AS bytes
  FROM document_revisions WHERE document_id = ?)
WHERE place > ? OR bytes > ?
"""


def keep(connection: apsw.Connection, row: DocumentRow, text_id: int, at: datetime) -> None:
    """Keep the text that `row` has just replaced, as the revision before it."""
    rows(connection, _KEEP, (row.id, row.revision - 1, time_text(at), text_id))


def let_go(connection: apsw.Connection, document_id: int) -> list[int]:
    """Let go of what is over the bounds; its texts, which nothing points at then."""
    surplus = rows(connection, _SURPLUS, (document_id, KEPT_REVISIONS, KEPT_BYTES))
    for revision, _ in surplus:
        rows(
            connection,
            "DELETE FROM document_revisions WHERE document_id = ? AND revision = ?",
            (document_id, revision),
        )
    return [text_id for _, text_id in surplus]


def forget(connection: apsw.Connection, document_id: int) -> list[int]:
    """Let go of all of a document's; their texts, which nothing points at then."""
    gone = rows(
        connection,
        "DELETE FROM document_revisions WHERE document_id = ? RETURNING text_id",
        (document_id,),
    )
    return [text_id for (text_id,) in gone]


def excerpt(
    connection: apsw.Connection, newest: DocumentRow, revision: int, start: int, end: int
) -> tuple[DocumentRow, str]:
    """A piece of an earlier revision of `newest`, and the document as long as it was then.

    Raises:
        NotFoundError: there has never been such a revision.
        RevisionTrimmedError: it is not kept any more.
    """
    if not 0 < revision < newest.revision:
        msg = f"document {newest.id} has no revision {revision}; its newest is {newest.revision}"
        raise NotFoundError(msg)
    found = one(
        connection,
        "SELECT r.char_count, substr(substr(t.text, 1, ?), ?) FROM document_revisions AS r"
        " JOIN document_texts AS t ON t.id = r.text_id WHERE r.document_id = ? AND r.revision = ?",
        (max(end, 0), max(start, 0) + 1, newest.id, revision),
    )
    if found is None:
        raise RevisionTrimmedError(newest.id, revision)
    char_count, text = found
    return msgspec.structs.replace(newest, revision=revision, char_count=char_count), text
