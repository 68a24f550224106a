"""Floor 1: SqliteDocuments, documents and their passages in one SQLite file.

Rule 1: a text is written in pieces nobody sees; one small write makes it the document's text.
Rule 2: no write takes long, however large a document is: runs commit through the same thread.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

import apsw

from tailrace.errors import NotFoundError
from tailrace.stores.documents import (
    EVERYWHERE,
    DocumentRow,
    DocumentStatus,
    Hit,
    Leg,
    Move,
    NewChunk,
    NewDocument,
    TermStatistics,
    Touch,
    Within,
)
from tailrace.stores.sqlite import document_pieces as pieces
from tailrace.stores.sqlite import fulltext, revisions
from tailrace.stores.sqlite.affordable import PartFrequencies
from tailrace.stores.sqlite.database import Database
from tailrace.stores.sqlite.document_pieces import DOCUMENT_COLUMNS, document_row
from tailrace.stores.sqlite.folders import SqliteFolders
from tailrace.stores.sqlite.listing import SqliteListing
from tailrace.stores.sqlite.neighbours import neighbours
from tailrace.stores.sqlite.rows import one, rows, time_text

_CHUNKS_A_WRITE: Final = 200


class SqliteDocuments(SqliteFolders, SqliteListing):
    """A `DocumentStore` over a `Database` whose migrations have run."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._being_written: set[int] = set()
        self._parts = PartFrequencies()
        self._on_put: list[Callable[[], None]] = []

    async def put(
        self,
        document: NewDocument,
        chunks: Sequence[NewChunk],
        at: datetime,
        *,
        only_next: bool = False,
    ) -> DocumentRow:
        """Keep `document`; one of the same owner and source gets it as its next revision.

        Raises:
            NotFoundError: `only_next`, and there is none of that owner and source.
        """
        row, replaced = await self._put(document, chunks, at, only_next=only_next)
        for call in self._on_put:
            call()
        if replaced is not None:
            await self._clear(replaced)
            for text_id in await self._database.write(lambda c: revisions.let_go(c, row.id)):
                await self._clear(text_id)
        return row

    def on_put(self, call: Callable[[], None]) -> None:
        """Call `call` after each `put` from now on; it must be quick."""
        self._on_put.append(call)

    async def _put(
        self, document: NewDocument, chunks: Sequence[NewChunk], at: datetime, *, only_next: bool
    ) -> tuple[DocumentRow, int | None]:
        """The document with its new text, and the text it had before."""
        if document.status is not DocumentStatus.SEARCHABLE:
            return await self._database.write(
                lambda c: pieces.publish(c, document, None, 0, at, only_next=only_next)
            )
        if len(chunks) > _CHUNKS_A_WRITE:
            return await self._put_in_pieces(document, chunks, at, only_next=only_next)

        def write(connection: apsw.Connection) -> tuple[DocumentRow, int | None]:
            text_id = pieces.add_text(connection, document.text)
            pieces.add_chunks(connection, text_id, 0, chunks)
            return pieces.publish(
                connection, document, text_id, len(chunks), at, only_next=only_next
            )

        return await self._database.write(write)

    async def _put_in_pieces(
        self, document: NewDocument, chunks: Sequence[NewChunk], at: datetime, *, only_next: bool
    ) -> tuple[DocumentRow, int | None]:
        text_id = await self._database.write(lambda c: pieces.add_text(c, document.text))
        self._being_written.add(text_id)
        try:
            for first in range(0, len(chunks), _CHUNKS_A_WRITE):
                await self._add_piece(text_id, first, chunks[first : first + _CHUNKS_A_WRITE])
            return await self._database.write(
                lambda c: pieces.publish(c, document, text_id, len(chunks), at, only_next=only_next)
            )
        except NotFoundError:
            await self._clear(text_id)
            raise
        finally:
            self._being_written.discard(text_id)

    async def _add_piece(self, text_id: int, first: int, chunks: Sequence[NewChunk]) -> None:
        await self._database.write(lambda c: pieces.add_chunks(c, text_id, first, chunks))

    async def touch(self, owner: str, touches: Sequence[Touch]) -> None:
        """Remember the files' new dates; unknown documents are passed over."""

        def write(connection: apsw.Connection) -> None:
            for touch in touches:
                rows(
                    connection,
                    "UPDATE documents SET mtime_ns = ? WHERE id = ? AND owner = ?",
                    (touch.mtime_ns, touch.document_id, owner),
                )

        await self._database.write(write)

    async def move(self, owner: str, moves: Sequence[Move]) -> None:
        """Remember where files are by now; a title that was the file's name follows."""
        await self._database.write(lambda c: pieces.move(c, owner, moves))

    async def get(self, document_id: int, owner: str) -> DocumentRow:
        """The document.

        Raises:
            NotFoundError: there is none, or it is somebody else's.
        """
        row = await self._database.read(
            lambda c: one(
                c,
                f"SELECT {DOCUMENT_COLUMNS} FROM documents WHERE id = ? AND owner = ?",  # noqa: S608 - a constant of ours
                (document_id, owner),
            )
        )
        if row is None:
            raise NotFoundError(_not_found(document_id))
        return document_row(row)

    async def text(
        self, document_id: int, owner: str, start: int = 0, end: int | None = None
    ) -> str:
        """Code points `start` to `end` of the document's text; what lies outside is left out.

        Raises:
            NotFoundError: there is no such document, or it is somebody else's.
        """
        first = max(start, 0)
        cut = "t.text" if end is None else "substr(t.text, 1, ?)"
        bindings = (first + 1, document_id, owner)
        row = await self._database.read(
            lambda c: one(
                c,
                f"SELECT substr({cut}, ?) FROM documents AS d"  # noqa: S608 - constants of ours
                " LEFT JOIN document_texts AS t ON t.id = d.text_id WHERE d.id = ? AND d.owner = ?",
                bindings if end is None else (max(end, 0), *bindings),
            )
        )
        if row is None:
            raise NotFoundError(_not_found(document_id))
        return row[0] or ""

    async def excerpt(
        self, document_id: int, owner: str, start: int, end: int, revision: int | None = None
    ) -> tuple[DocumentRow, str]:
        """As `text`, with the document it is of; both are of one revision, the newest by default.

        Raises:
            NotFoundError: there is no such document, or it is somebody else's, or it has never
                had such a revision.
            RevisionTrimmedError: that revision is not kept any more.
        """

        def read(connection: apsw.Connection) -> tuple[DocumentRow, str]:
            row = one(
                connection,
                f"SELECT {DOCUMENT_COLUMNS}, (SELECT substr(substr(text, 1, ?), ?)"  # noqa: S608 - constants of ours
                " FROM document_texts WHERE id = text_id)"
                " FROM documents WHERE id = ? AND owner = ?",
                (max(end, 0), max(start, 0) + 1, document_id, owner),
            )
            if row is None:
                raise NotFoundError(_not_found(document_id))
            newest = document_row(row[:-1])
            if revision is None or revision == newest.revision:
                return newest, row[-1] or ""
            return revisions.excerpt(connection, newest, revision, start, end)

        return await self._database.read(read)

    async def delete(self, document_id: int, owner: str, *, exclude: bool = False) -> None:
        """Remove the document; `exclude`: and remember that its source is not wanted.

        Raises:
            NotFoundError: there is none, or it is somebody else's.
        """

        def write(connection: apsw.Connection) -> list[int]:
            gone = rows(
                connection,
                "DELETE FROM documents WHERE id = ? AND owner = ? RETURNING source, text_id",
                (document_id, owner),
            )
            if not gone:
                raise NotFoundError(_not_found(document_id))
            source, text_id = gone[0]
            if exclude:
                rows(
                    connection,
                    "INSERT OR IGNORE INTO excluded_sources VALUES (?, ?)",
                    (owner, source),
                )
            texts = revisions.forget(connection, document_id)
            return texts if text_id is None else [text_id, *texts]

        for text_id in await self._database.write(write):
            await self._clear(text_id)

    async def search(
        self,
        owner: str,
        terms: Sequence[str],
        *,
        limit: int,
        within: Within = EVERYWHERE,
        leg: Leg = Leg.WORDS,
    ) -> list[Hit]:
        """The `limit` best passages that have one of `terms`.

        Terms that stand nearly everywhere may be left out where there are others.
        """

        def read(connection: apsw.Connection) -> list[Hit]:
            if leg is Leg.WORDS:
                return fulltext.search(connection, owner, terms, limit, within)
            wanted = fulltext.unknown(connection, terms) if leg is Leg.UNKNOWN else terms
            return fulltext.search_parts(connection, owner, wanted, limit, within, self._parts)

        return await self._database.read(read)

    async def neighbours(
        self, document_id: int, revision: int, owner: str, start: int, end: int, *, count: int
    ) -> list[Hit]:
        """Up to `count` passages before code point `start` and as many from `end` on, in order.

        None where that is not the newest revision of a document of the owner.
        """
        return await self._database.read(
            lambda c: neighbours(c, (document_id, revision, owner), start, end, count)
        )

    async def term_statistics(
        self, owner: str, terms: Sequence[str], chunk_ids: Sequence[int]
    ) -> TermStatistics:
        """How common `terms` are, and which of those passages have them."""
        return await self._database.read(
            lambda c: fulltext.term_statistics(c, owner, terms, chunk_ids)
        )

    async def samples_settled(self, owner: str) -> bool:
        """Whether it is settled that this owner has had sample documents, or needs none."""
        row = await self._database.read(
            lambda c: one(c, "SELECT 1 FROM samples_settled WHERE owner = ?", (owner,))
        )
        return row is not None

    async def settle_samples(self, owner: str, at: datetime) -> None:
        """Settle that; it is never unsettled."""
        await self._database.write(
            lambda c: rows(
                c, "INSERT OR IGNORE INTO samples_settled VALUES (?, ?)", (owner, time_text(at))
            )
        )

    async def sweep(self) -> int:
        """Remove what a killed process left half written; how many texts that were."""
        found = await self._database.read(
            lambda c: rows(
                c,
                "SELECT t.id FROM document_texts AS t LEFT JOIN documents AS d ON d.text_id = t.id"  # noqa: S608 - a constant of ours
                f" WHERE d.id IS NULL AND (t.id NOT IN {revisions.HELD}"
                " OR EXISTS (SELECT 1 FROM chunks AS c WHERE c.text_id = t.id))",
            )
        )
        left = [row[0] for row in found if row[0] not in self._being_written]
        for text_id in left:
            await self._clear(text_id)
        return len(left)

    async def _clear(self, text_id: int) -> None:
        """Remove a text that is no document's, a piece at a time; of a kept one, its chunks."""
        while not await self._database.write(lambda c: pieces.clear_piece(c, text_id)):
            pass


def _not_found(document_id: int) -> str:
    return f"there is no document {document_id}"
