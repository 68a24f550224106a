"""Floor 1: SqliteListing, which documents there are, and how many of them can be found how."""

from collections.abc import Sequence
from typing import Final

import apsw

from tailrace.stores.documents import DocumentCounts, DocumentOrigin, DocumentRow, DocumentStatus
from tailrace.stores.sqlite.database import Database
from tailrace.stores.sqlite.document_pieces import DOCUMENT_COLUMNS, document_row
from tailrace.stores.sqlite.rows import one, rows

_EMBEDDED: Final = """NOT EXISTS (SELECT 1 FROM chunks AS piece
  WHERE piece.text_id = documents.text_id AND NOT EXISTS (SELECT 1 FROM vectors
    WHERE vectors.sha256 = piece.sha256
      AND model = (SELECT id FROM embedding_models WHERE name = ?)))"""
_COUNTS: Final = """
SELECT status, count(*), coalesce(sum(chunk_count), 0) FROM documents
WHERE owner = ? AND origin <> 'conversation' GROUP BY status
"""


class SqliteListing:
    """The part of a `DocumentStore` that lists."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, owner: str, source: str) -> DocumentRow | None:
        """The owner's document of that source; None where there is none."""
        row = await self._database.read(
            lambda c: one(
                c,
                f"SELECT {DOCUMENT_COLUMNS} FROM documents WHERE owner = ? AND source = ?",  # noqa: S608 - a constant of ours
                (owner, source),
            )
        )
        return None if row is None else document_row(row)

    async def list_documents(
        self,
        owner: str,
        *,
        limit: int,
        offset: int,
        status: DocumentStatus | None = None,
        embedded_by: str | None = None,
        origin: DocumentOrigin | None = None,
        newest_first: bool = False,
    ) -> tuple[list[DocumentRow], int]:
        """A page in the order they came, or the other way round, and how many there are in all."""
        where = (
            "owner = ? AND (? IS NULL OR status = ?)"
            " AND CASE WHEN ? IS NULL THEN origin <> 'conversation' ELSE origin = ? END"
        )
        wanted: tuple[str | None, ...] = (owner, status, status, origin, origin)
        if embedded_by is not None:
            where = f"{where} AND status = 'searchable' AND {_EMBEDDED}"
            wanted = (*wanted, embedded_by)
        page = (*wanted, max(limit, 0), max(offset, 0))
        order = "id DESC" if newest_first else "id"
        sql = (
            f"SELECT {DOCUMENT_COLUMNS} FROM documents WHERE {where}"  # noqa: S608 - constants of ours
            f" ORDER BY {order} LIMIT ? OFFSET ?"
        )
        count = f"SELECT count(*) FROM documents WHERE {where}"  # noqa: S608 - a constant of ours

        def read(connection: apsw.Connection) -> tuple[list[DocumentRow], int]:
            rows(connection, "BEGIN")  # both see the same snapshot
            try:
                found = [document_row(row) for row in rows(connection, sql, page)]
                return found, rows(connection, count, wanted)[0][0]
            finally:
                rows(connection, "COMMIT")

        return await self._database.read(read)

    async def counts(self, owner: str, model: str = "") -> DocumentCounts:
        """How many documents there are of each status, conversations left out."""
        sql = (
            "SELECT count(*) FROM documents WHERE owner = ? AND origin <> 'conversation'"  # noqa: S608 - a constant of ours
            f" AND status = 'searchable' AND {_EMBEDDED}"
        )
        found = await self._database.read(lambda c: rows(c, _COUNTS, (owner,)))
        embedded = 0
        if model:
            embedded = (await self._database.read(lambda c: rows(c, sql, (owner, model))))[0][0]
        counts = {status: count for status, count, _ in found}
        return DocumentCounts(
            searchable=counts.get(DocumentStatus.SEARCHABLE, 0),
            embedded=embedded,
            skipped=counts.get(DocumentStatus.SKIPPED, 0),
            failed=counts.get(DocumentStatus.FAILED, 0),
            pieces=sum(pieces for _, _, pieces in found),
        )

    async def embedded(self, owner: str, ids: Sequence[int], model: str) -> frozenset[int]:
        """Those of the searchable documents `ids` of which every passage has its vector."""
        if not ids or not model:
            return frozenset()
        marks = ", ".join("?" * len(ids))
        sql = (
            f"SELECT id FROM documents WHERE owner = ? AND id IN ({marks})"  # noqa: S608 - marks
            f" AND status = 'searchable' AND {_EMBEDDED}"
        )
        found = await self._database.read(lambda c: rows(c, sql, (owner, *ids, model)))
        return frozenset(row[0] for row in found)
