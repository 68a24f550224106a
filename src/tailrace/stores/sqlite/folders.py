"""Floor 1: SqliteFolders, the folders that were added, and which documents came out of them."""

from abc import abstractmethod
from datetime import datetime
from typing import Final

import apsw

from tailrace.stores.documents import DocumentStatus, Signature
from tailrace.stores.sqlite import document_pieces as pieces
from tailrace.stores.sqlite.database import Database
from tailrace.stores.sqlite.document_pieces import below
from tailrace.stores.sqlite.rows import rows, time_text

_ROWS_A_READ: Final = 10_000

_AT_OR_BELOW: Final = "owner = ? AND (source = ? OR (source >= ? AND source < ?))"


class SqliteFolders:
    """The part of a `DocumentStore` that is about folders."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @abstractmethod
    async def delete(self, document_id: int, owner: str, *, exclude: bool = False) -> None:
        """Remove the document; `exclude`: and remember that its source is not wanted."""

    async def add_folder(self, owner: str, path: str, at: datetime) -> None:
        """Remember a folder, or one file, to be read again; what it excluded is wanted again."""

        def write(connection: apsw.Connection) -> None:
            rows(
                connection,
                "INSERT OR IGNORE INTO folders VALUES (?, ?, ?)",
                (owner, path, time_text(at)),
            )
            rows(
                connection,
                f"DELETE FROM excluded_sources WHERE {_AT_OR_BELOW}",  # noqa: S608 - a constant of ours
                (owner, path, *below(path)),
            )

        await self._database.write(write)

    async def owners_of_folders(self) -> list[str]:
        """Whoever has added a folder or a file."""
        found = await self._database.read(
            lambda c: rows(c, "SELECT DISTINCT owner FROM folders ORDER BY owner")
        )
        return [row[0] for row in found]

    async def folders(self, owner: str) -> list[str]:
        """The folders and files that were added, in the order of their paths."""
        found = await self._database.read(
            lambda c: rows(c, "SELECT path FROM folders WHERE owner = ? ORDER BY path", (owner,))
        )
        return [row[0] for row in found]

    async def forget_folder(self, owner: str, path: str) -> int:
        """Forget it and remove its documents, but for those of another folder; how many."""
        others = [folder for folder in await self.folders(owner) if folder != path]
        removed = 0
        for signature in await self.signatures(owner, path):
            if not any(pieces.is_at_or_below(signature.source, other) for other in others):
                await self.delete(signature.document_id, owner)
                removed += 1

        def write(connection: apsw.Connection) -> None:  # last: cut short, it can be said again
            rows(connection, "DELETE FROM folders WHERE owner = ? AND path = ?", (owner, path))

        await self._database.write(write)
        return removed

    async def signatures(self, owner: str, path: str) -> list[Signature]:
        """The documents at or below `path`."""
        found: list[Signature] = []
        page = await self._signatures_after(owner, path, 0)
        while page:
            found += page
            page = await self._signatures_after(owner, path, page[-1].document_id)
        return found

    async def _signatures_after(self, owner: str, path: str, after: int) -> list[Signature]:
        page = await self._database.read(
            lambda c: rows(
                c,
                "SELECT id, source, size_bytes, mtime_ns, sha256, status, reason FROM documents"  # noqa: S608 - a constant of ours
                f" WHERE {_AT_OR_BELOW} AND origin = 'folder' AND id > ? ORDER BY id LIMIT ?",
                (owner, path, *below(path), after, _ROWS_A_READ),
            )
        )
        return [
            Signature(id_, source, size_bytes, mtime_ns, sha256, DocumentStatus(status), reason)
            for id_, source, size_bytes, mtime_ns, sha256, status, reason in page
        ]

    async def exclusions(self, owner: str, path: str) -> frozenset[str]:
        """The sources at or below `path` that were removed and are not wanted again."""
        found = await self._database.read(
            lambda c: rows(
                c,
                f"SELECT source FROM excluded_sources WHERE {_AT_OR_BELOW}",  # noqa: S608 - a constant of ours
                (owner, path, *below(path)),
            )
        )
        return frozenset(row[0] for row in found)
