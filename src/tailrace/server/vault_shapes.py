"""Floor 6: vault shapes, what the seed's vault routes take and answer, field for field.

Rule 1: `id`, `created_at` and the like are the document's; times are naive strings in UTC.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from tailrace.context.vaults import Vault
from tailrace.server.bodies import Id, ShortText, Text
from tailrace.server.seed_shapes import seed_time
from tailrace.stores.documents import DocumentRow

_SHOWN_CHARS = 100


class VaultBody(BaseModel):
    """A note; the address says which, whatever `id` does. What is null stays as it was."""

    id: Id | None = None
    title: Annotated[Text, Field(max_length=1000)] = Field(description="Empty: `Untitled`.")
    content: Text = Field(description="Markdown; it may be empty.")
    summary: Annotated[Text, Field(max_length=10_000)] | None = None
    tags: Annotated[Text, Field(max_length=1000)] | None = None
    document_type: ShortText | None = Field(default=None, description="`Note`, where it is new.")

    def to_vault(self) -> Vault:
        """The note as it is kept."""
        return Vault(
            title=self.title,
            content=self.content,
            summary=self.summary,
            tags=self.tags,
            document_type=self.document_type,
        )


class VaultError(BaseModel):
    """What went wrong."""

    success: Literal[False]
    error: str


class VaultLine(BaseModel):
    """A note in a list."""

    id: int
    title: str
    summary: str | None = Field(description="Its first 100 characters; null where there is none.")
    created_at: str
    updated_at: str
    document_type: str
    content_length: int = Field(description="In characters.")

    @classmethod
    def of(cls, row: DocumentRow) -> "VaultLine":
        """The note as a list shows it."""
        summary = row.summary
        if len(summary) > _SHOWN_CHARS:
            summary = summary[:_SHOWN_CHARS] + "..."
        return cls(
            id=row.id,
            title=row.title,
            summary=summary or None,
            created_at=seed_time(row.created_at),
            updated_at=seed_time(row.updated_at),
            document_type=document_type(row),
            content_length=row.char_count,
        )


class VaultList(BaseModel):
    """A page of notes, newest first, and how many there are in all."""

    success: Literal[True] = True
    data: list[VaultLine]
    total: int


class VaultInfo(BaseModel):
    """A note, or another document, but for its text."""

    id: int
    title: str
    summary: str | None
    tags: str | None
    created_at: str
    updated_at: str
    document_type: str


class VaultData(VaultInfo):
    """A note, or another document, with its text."""

    content: str


class VaultAnswer(BaseModel):
    """The document that was asked for."""

    success: Literal[True] = True
    data: VaultData


class VaultKept(BaseModel):
    """The note that was written, and that it can be searched."""

    success: Literal[True] = True
    message: str
    doc_id: int
    table_name: Literal["vaults"] = "vaults"
    context_processing: Literal["triggered", "reprocessing"]


class VaultRemoved(BaseModel):
    """That the note is gone, and cannot be found any more."""

    success: Literal[True] = True
    message: str
    context_cleanup: Literal["triggered"] = "triggered"


class VaultContext(BaseModel):
    """Whether the document can be searched, and in how many passages."""

    success: Literal[True] = True
    document_id: int
    has_context: bool
    total_chunks: int
    document_info: VaultInfo


def info(row: DocumentRow) -> VaultInfo:
    """The document but for its text."""
    return VaultInfo(
        id=row.id,
        title=row.title,
        summary=row.summary or None,
        tags=row.tags or None,
        created_at=seed_time(row.created_at),
        updated_at=seed_time(row.updated_at),
        document_type=document_type(row),
    )


def document_type(row: DocumentRow) -> str:
    """What its author calls it; what it was read as, where it was not written here."""
    return row.document_type or row.kind
