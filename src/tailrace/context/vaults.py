"""Floor 2: Vaults, the notes that are written here; each is a document that is searched and cited.

Rule 1: only what is written here is changed here; a file is changed where it is.
Rule 2: a note that was removed does not come back with a save that was under way.
"""

import asyncio
import hashlib
from typing import Final

import msgspec

from tailrace._clock import SYSTEM_CLOCK, Clock
from tailrace._ids import new_vault_source
from tailrace.context.chunk import split
from tailrace.context.decode import clean
from tailrace.context.headings import Heading, markdown_headings
from tailrace.context.kinds import DocumentKind
from tailrace.context.read import Reading, too_large
from tailrace.errors import ConflictError, ErrorCode, InvalidRequestError
from tailrace.stores.documents import (
    DocumentOrigin,
    DocumentRow,
    DocumentStore,
    NewDocument,
)

_NOTE: Final = "Note"
_UNTITLED: Final = "Untitled"


class Vault(msgspec.Struct, frozen=True, kw_only=True):
    """A note, in Markdown; it may be empty.

    Attributes:
        summary: What it is about; None: as it was, or nothing.
        tags: Words to find it by; None: as they were, or none.
        document_type: What it is called; None: as it was, or `Note`.
    """

    title: str
    content: str
    summary: str | None = None
    tags: str | None = None
    document_type: str | None = None


class Vaults:
    """Writes notes into a store of documents."""

    def __init__(
        self, store: DocumentStore, *, max_document_bytes: int, clock: Clock = SYSTEM_CLOCK
    ) -> None:
        self._store = store
        self._max_bytes = max_document_bytes
        self._clock = clock

    async def add(self, vault: Vault, *, owner: str = "") -> DocumentRow:
        """Keep a new note; it can be searched at once.

        Raises:
            InvalidRequestError: it is too large.
        """
        reading = await self._read(owner, new_vault_source(), vault)
        return await self._store.put(reading.document, reading.chunks, self._clock.now())

    async def save(self, document_id: int, vault: Vault, *, owner: str = "") -> DocumentRow:
        """Keep the next revision of a note.

        Raises:
            NotFoundError: there is none, or it is somebody else's.
            ConflictError: it is a document of another origin.
            InvalidRequestError: it is too large.
        """
        row = await self._written_here(document_id, owner)
        whole = msgspec.structs.replace(
            vault,
            summary=row.summary if vault.summary is None else vault.summary,
            tags=row.tags if vault.tags is None else vault.tags,
            document_type=vault.document_type or row.document_type,
        )
        reading = await self._read(owner, row.source, whole)
        now = self._clock.now()
        return await self._store.put(reading.document, reading.chunks, now, only_next=True)

    async def remove(self, document_id: int, *, owner: str = "") -> None:
        """Remove a note for good.

        Raises:
            NotFoundError: there is none, or it is somebody else's.
            ConflictError: it is a document of another origin.
        """
        await self._written_here(document_id, owner)
        await self._store.delete(document_id, owner)

    async def _written_here(self, document_id: int, owner: str) -> DocumentRow:
        row = await self._store.get(document_id, owner)
        if row.origin is not DocumentOrigin.VAULT:
            msg = (
                f"document {document_id} is not written here: change its file and add it again, "
                "or remove it as a document"
            )
            raise ConflictError(msg)
        return row

    async def _read(self, owner: str, source: str, vault: Vault) -> Reading:
        reading = await asyncio.to_thread(read_vault, owner, source, vault)
        if reading.document.size_bytes > self._max_bytes:
            msg = f"{reading.document.title!r} cannot be kept: {too_large(self._max_bytes)}"
            raise InvalidRequestError(msg, code=ErrorCode.BODY_TOO_LARGE)
        return reading


def read_vault(owner: str, source: str, vault: Vault) -> Reading:
    """What is in `vault`; each of its passages stands below its title, and is found by it."""
    text = clean(vault.content)
    title = " ".join(clean(vault.title).split()) or _UNTITLED
    data = text.encode()
    document = NewDocument(
        owner=owner,
        source=source,
        title=title,
        kind=DocumentKind.MARKDOWN.value,
        size_bytes=len(data),
        mtime_ns=None,
        sha256=hashlib.sha256(data).hexdigest(),
        text=text,
        origin=DocumentOrigin.VAULT,
        summary=clean(vault.summary or ""),
        tags=clean(vault.tags or ""),
        document_type=clean(vault.document_type or _NOTE),
    )
    headings = [Heading(start=0, level=0, title=title), *markdown_headings(text)]
    return Reading(document=document, chunks=split(text, headings))
