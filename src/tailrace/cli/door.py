"""Floor 7: Door, how a command reaches the runs and documents of a home.

Rule: a command does not know whether it opened the home itself or speaks to the server that has
it; both doors give the same things and raise the same errors.
"""

import os
from collections.abc import AsyncGenerator, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

import msgspec

from tailrace.events.event import Cursor, StreamEvent
from tailrace.events.types import Outcome, RunKind, WorkflowStage
from tailrace.state.state import IngestTarget
from tailrace.stores.base import RunState
from tailrace.stores.retention import Trimmed


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked.

    Attributes:
        conversation_id: None for a question that stands alone.
        interactive: Whether somebody is there who can answer a question back.
    """

    text: str
    conversation_id: int | None = None
    interactive: bool = False


class RunView(msgspec.Struct, frozen=True, kw_only=True):
    """A run, as lists show it; `outcome` and `finished_at` are None while it goes on."""

    run_id: str
    kind: RunKind = RunKind.CHAT
    query: str
    state: RunState
    stage: WorkflowStage
    last_seq: int
    conversation_id: int | None = None
    outcome: Outcome | None = None
    error_code: str | None = None
    created_at: datetime
    finished_at: datetime | None = None


class DocumentView(msgspec.Struct, frozen=True, kw_only=True):
    """A document, as lists show it; `reason` says why it is not searchable, "" where it is."""

    id: int
    title: str
    source: str
    kind: str = ""
    status: str = ""
    reason: str = ""
    size_bytes: int = 0


class CoverageView(msgspec.Struct, frozen=True, kw_only=True):
    """How many documents there are, and how many can be found: by words, by meaning."""

    documents: int = 0
    searchable: int = 0
    embedded: int = 0
    skipped: int = 0
    failed: int = 0
    pieces: int = 0
    pieces_embedded: int = 0
    model: str = ""
    state: str = ""
    folders: str = ""


def names_of(path: str) -> tuple[str, str]:
    """What a document at `path` may be called: its path in full, with links and without."""
    return Path(os.path.abspath(path)).as_posix(), Path(os.path.realpath(path)).as_posix()  # noqa: PTH100 - resolves no link


def is_within(source: str, names: Iterable[str]) -> bool:
    """Whether a document is, or lies below, one of `names`."""
    return any(source == name or source.startswith(f"{name.rstrip('/')}/") for name in names)


class Door(Protocol):
    """The runs and documents of one home."""

    @property
    def url(self) -> str:
        """The server this door speaks to; "" where this process opened the home itself."""
        ...

    async def start(self, question: Question) -> str:
        """The id of the run that answers `question`.

        Raises:
            TailraceError: it was not accepted.
        """
        ...

    def follow(self, run_id: str, after: Cursor | None = None) -> AsyncGenerator[StreamEvent, None]:
        """The run's events after `after`; ends after the terminal event, or where it cannot go on.

        Raises:
            TailraceError: there is no such run, or the cursor does not fit.
        """
        ...

    async def answer(self, run_id: str, request_id: str, text: str) -> None:
        """Give the run what it waits for; it goes on.

        Raises:
            TailraceError: the answer was not taken.
        """
        ...

    async def cancel(self, run_id: str) -> RunView:
        """The run, ended.

        Raises:
            NotFoundError: there is no such run.
        """
        ...

    async def get_run(self, run_id: str) -> RunView:
        """The run.

        Raises:
            NotFoundError: there is no such run.
        """
        ...

    async def snapshot(self, run_id: str) -> StreamEvent:
        """What the run amounts to by now, but for its terminal event, as one event.

        Raises:
            NotFoundError: there is no such run.
        """
        ...

    async def list_runs(self, limit: int, kind: RunKind | None) -> list[RunView]:
        """The newest runs of that kind, or of all, newest first."""
        ...

    async def prune(self, older_than: timedelta, *, dry_run: bool) -> Trimmed:
        """What went of the events of runs that ended so long ago, or would go.

        Raises:
            TailraceError: it could not be done.
        """
        ...

    async def erase_run(self, run_id: str) -> None:
        """Remove the run for good, and wipe the home's files.

        Raises:
            TailraceError: there is none, or it could not be done.
        """
        ...

    async def erase_conversation(self, conversation_id: int) -> None:
        """Remove the conversation for good, and wipe the home's files.

        Raises:
            TailraceError: there is none, or it could not be done.
        """
        ...

    async def ingest(self, target: IngestTarget) -> str:
        """The id of the run that reads `target` in.

        Raises:
            TailraceError: it was not accepted.
        """
        ...

    async def coverage(self) -> CoverageView:
        """How much of the documents can be found."""
        ...

    async def list_documents(self) -> list[DocumentView]:
        """All documents, in the order they came."""
        ...

    async def remove_document(self, target: str) -> int:
        """How many documents were removed: that of an id, or those of an added path.

        Raises:
            NotFoundError: there is none.
        """
        ...
