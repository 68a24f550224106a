"""Floor 6: shapes, what our own routes answer; `seed_shapes` has the seed's."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, Field

from tailrace.context.indexer import Coverage
from tailrace.context.report import IngestReport
from tailrace.events.fold import RunFold
from tailrace.events.types import Outcome, RunKind, WorkflowStage
from tailrace.llm.base import ModelInfo
from tailrace.stores.base import RunRow, RunState
from tailrace.stores.documents import DocumentCounts, DocumentOrigin, DocumentRow


class Problem(BaseModel):
    """What went wrong, as RFC 9457 has it, with a code of ours."""

    type: str
    title: str
    status: int
    detail: str = Field(description="What was asked, what was found, what to do.")
    code: str = Field(description="From a closed list; a released code is never renamed.")
    retry_after_s: float | None = None
    snapshot_url: str | None = Field(
        default=None, description="What events that were let go of amount to."
    )


class Run(BaseModel):
    """A run, and how far it is."""

    run_id: str
    workflow_id: str = Field(description="The same as run_id, under the seed's name.")
    kind: RunKind = Field(description="Whether it answers a question or reads documents in.")
    query: str
    state: RunState
    stage: WorkflowStage
    outcome: Outcome | None = Field(description="How it ended; null while it goes on.")
    error_code: str | None = Field(description="Why it failed; null where it did not.")
    session_id: str
    conversation_id: int | None
    user_message_id: int | None
    assistant_message_id: int | None
    gen: int = Field(description="The generation of its log, from 1.")
    last_seq: int = Field(description="The seq of its newest event.")
    attempts: int
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None

    @classmethod
    def of(cls, row: RunRow) -> "Run":
        """The run as it is shown."""
        return cls(
            run_id=row.run_id,
            workflow_id=row.run_id,
            kind=row.kind,
            query=row.query,
            state=row.state,
            stage=row.stage,
            outcome=row.outcome,
            error_code=row.error_code,
            session_id=row.session_id,
            conversation_id=row.conversation_id,
            user_message_id=row.user_message_id,
            assistant_message_id=row.assistant_message_id,
            gen=row.gen,
            last_seq=row.last_seq,
            attempts=row.attempts,
            created_at=row.created_at,
            updated_at=row.updated_at,
            finished_at=row.finished_at,
        )


class RunError(BaseModel):
    """Why a run failed."""

    code: str
    message: str
    retryable: bool = False
    retry_after_s: float | None = None


class RunInput(BaseModel):
    """What a run waits for."""

    request_id: str = Field(description="An answer has to name it.")
    question: str
    options: list[str] = Field(default=[], description="Answers to choose from; others are taken.")
    expires_at: datetime = Field(description="When the run ends without an answer.")


class RunDetail(Run):
    """A run, with what it has written so far."""

    text: str = Field(description="The answer, whole or so far.")
    input: RunInput | None = Field(default=None, description="What it waits for its user to say.")
    error: RunError | None = Field(default=None, description="Why it failed.")

    @classmethod
    def with_fold(cls, row: RunRow, fold: RunFold) -> "RunDetail":
        """The run, and what its log amounts to."""
        error = fold.terminal.metadata.get("error") if fold.terminal else None
        asked = fold.input_required.metadata if fold.input_required else None
        shown = Run.of(row).model_dump()
        return cls.model_validate({**shown, "text": fold.text, "input": asked, "error": error})


class RunList(BaseModel):
    """A page of runs, newest first; `before` its last one gives the next page."""

    items: list[Run]


class ListedStatus(StrEnum):
    """How a document can be found."""

    SEARCHABLE = "searchable"
    """By its words."""
    EMBEDDED = "embedded"
    """By its words, and by its meaning."""
    SKIPPED = "skipped"
    FAILED = "failed"


class Document(BaseModel):
    """A document, but for its text."""

    id: int
    title: str
    source: str = Field(description="Its path, or the name it was uploaded under.")
    kind: str
    size_bytes: int
    revision: int = Field(description="1, and one more each time its text was replaced.")
    status: ListedStatus = Field(
        description="`searchable`: found by its words; `embedded`: by its meaning, too."
    )
    reason: str = Field(description='Why it is not searchable; "" where it is.')
    origin: DocumentOrigin
    chunk_count: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: DocumentRow, *, embedded: bool = False) -> "Document":
        """The document as it is shown; `embedded`: each of its passages has its vector."""
        return cls(
            id=row.id,
            title=row.title,
            source=row.source,
            kind=row.kind,
            size_bytes=row.size_bytes,
            revision=row.revision,
            status=ListedStatus.EMBEDDED if embedded else ListedStatus(row.status.value),
            reason=row.reason,
            origin=row.origin,
            chunk_count=row.chunk_count,
            created_at=row.created_at,
            updated_at=row.updated_at,
        )


class DocumentList(BaseModel):
    """A page of documents in the order they came, and how many there are in all."""

    items: list[Document]
    total: int


class DocumentCoverage(BaseModel):
    """How much of the documents can be found."""

    documents: int
    searchable: int = Field(description="Those that are found by their words.")
    embedded: int = Field(description="Those that are found by their meaning, too.")
    skipped: int
    failed: int
    pieces: int = Field(description="Passages in all.")
    pieces_embedded: int = Field(description="Those that are found by their meaning, too.")
    model: str = Field(description='What makes that possible; "" where nothing does.')
    state: str = Field(description="What it does: off, working, ready, failed.")
    folders: str = Field(description="How changes in the added folders are noticed, for people.")

    @classmethod
    def of(cls, counts: DocumentCounts, coverage: Coverage, folders: str) -> "DocumentCoverage":
        """Both as they are shown."""
        return cls(
            documents=counts.searchable + counts.skipped + counts.failed,
            searchable=counts.searchable,
            embedded=counts.embedded,
            skipped=counts.skipped,
            failed=counts.failed,
            pieces=counts.pieces,
            pieces_embedded=coverage.embedded,
            model=coverage.model,
            state=coverage.state,
            folders=folders,
        )


class DocumentText(BaseModel):
    """A piece of a document's text, its place in Unicode code points."""

    document_id: int
    revision: int = Field(description="The revision the text is of.")
    stale: bool = Field(description="Whether the document has changed since that revision.")
    title: str
    start: int
    end: int = Field(description="Where the piece ends; less than asked for, where the text does.")
    total_chars: int = Field(description="How long the whole text is.")
    text: str

    @classmethod
    def of(cls, row: DocumentRow, start: int, text: str, *, stale: bool) -> "DocumentText":
        """The piece as it is shown; one that would begin after the text is its empty end."""
        start = min(start, row.char_count)
        return cls(
            document_id=row.id,
            revision=row.revision,
            stale=stale,
            title=row.title,
            start=start,
            end=start + len(text),
            total_chars=row.char_count,
            text=text,
        )


class NotRead(BaseModel):
    """A file that was not taken in, and why."""

    source: str
    reason: str


class Forgotten(BaseModel):
    """What came of forgetting a folder or a file."""

    removed: Annotated[int, Field(description="How many documents went with it.")]


class Added(BaseModel):
    """What came of adding a folder or a file."""

    added: int
    updated: int
    unchanged: int
    removed: int
    skipped: list[NotRead]
    failed: list[NotRead]
    document_ids: Annotated[list[int], Field(description="What was added or updated.")]

    @classmethod
    def of(cls, report: IngestReport) -> "Added":
        """The report as it is shown."""
        return cls(
            added=report.added,
            updated=report.updated,
            unchanged=report.unchanged,
            removed=report.removed,
            skipped=[NotRead(source=source, reason=reason) for source, reason in report.skipped],
            failed=[NotRead(source=source, reason=reason) for source, reason in report.failed],
            document_ids=list(report.document_ids),
        )


class Model(BaseModel):
    """The model that answers."""

    name: str
    embedded: bool = Field(description="Whether it runs on this machine, supervised by us.")
    smoke_test_only: bool = Field(description="Whether it is too small to be of use.")

    @classmethod
    def of(cls, info: ModelInfo) -> "Model":
        """The model as it is shown."""
        return cls(name=info.name, embedded=info.embedded, smoke_test_only=info.smoke_test_only)


class Health(BaseModel):
    """That this server is up, and what answers here."""

    status: str
    version: str
    model: Model | None = Field(
        description="Null while there is none: answers are then the passages themselves."
    )
