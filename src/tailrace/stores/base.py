"""Floor 1: what a store promises; `tailrace.testing.stores` proves it for anybody's.

Rule 1: each method of a store is atomic: all of it is kept, or nothing.
Rule 2: when `append` returns, its events survive a killed process.
Rule 3: only the newest epoch of a run may append; a run that has ended takes nothing more.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol

import msgspec

from tailrace.errors import TailraceError
from tailrace.events.event import JSON
from tailrace.events.fold import Status
from tailrace.events.logged import LoggedEvent
from tailrace.events.types import Outcome, WorkflowStage


class RunState(StrEnum):
    """How far a run is, as a list of runs shows it."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


LIVE_STATES = frozenset({RunState.QUEUED, RunState.RUNNING, RunState.WAITING})
"""The states of a run whose log is still open."""


class MessageStatus(StrEnum):
    """How far a message is."""

    PENDING = "pending"
    STREAMING = "streaming"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class NewRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run that was accepted.

    Attributes:
        run_id: Its id, made by the caller.
        owner: Whose run it is; "" where there is one person only.
        query: What was asked.
        request: The request as a JSON object, enough to run it again.
        session_id: The client's session.
        conversation_id: Where it belongs; None for a run without a conversation.
        idempotency_key: The client's key; None without one.
        request_sha256: The hash of the request, to tell a repeat from a reuse of the key.
        created_at: Aware, UTC.
    """

    run_id: str
    owner: str
    query: str
    request: dict[str, JSON]
    session_id: str
    conversation_id: int | None
    idempotency_key: str | None = None
    request_sha256: str = ""
    created_at: datetime


class RunRow(msgspec.Struct, frozen=True, kw_only=True):
    """A run as the store has it.

    Attributes:
        gen: The generation of its log, from 1.
        epoch: The fencing number of its newest attempt.
        last_seq: The seq of the newest event.
        attempts: How many workers have claimed it.
        outcome: How it ended; None while it has not.
        error_code: Why it failed; None where it did not.
    """

    run_id: str
    owner: str
    query: str
    request: dict[str, JSON]
    session_id: str
    conversation_id: int | None
    user_message_id: int | None
    assistant_message_id: int | None
    state: RunState
    stage: WorkflowStage
    gen: int
    epoch: int
    last_seq: int
    attempts: int
    outcome: Outcome | None
    error_code: str | None
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None


class StageResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a finished stage hands on, committed with the event that ends it."""

    stage: WorkflowStage
    output: dict[str, JSON]


class ThinkingRow(msgspec.Struct, frozen=True, kw_only=True):
    """One status a node gave while it worked, kept with the message; `sequence` from 1."""

    id: int
    message_id: int
    content: str
    stage: str | None
    progress: float | None
    sequence: int
    created_at: datetime


class FinalState(msgspec.Struct, frozen=True, kw_only=True):
    """How a run and its message end; committed with the terminal event.

    Attributes:
        state: COMPLETED, FAILED or CANCELLED.
        content: The whole answer, or the part there is.
        metadata: `{type: [{content, timestamp, stage, progress}]}`.
        error_message: A sentence for people; "" without an error.
        token_count: Tokens the model wrote in this run; 0 where unknown.
        latency_ms: From acceptance to the end.
    """

    state: RunState
    stage: WorkflowStage
    outcome: Outcome
    content: str
    thinking: tuple[Status, ...]
    metadata: dict[str, JSON]
    error_code: str | None
    error_message: str
    token_count: int
    latency_ms: int
    finished_at: datetime


class Conversation(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation as the store has it; `metadata` is a JSON object."""

    id: int
    owner: str
    title: str | None
    user_id: str | None
    page_name: str
    status: str
    metadata: dict[str, JSON]
    created_at: datetime
    updated_at: datetime


class MessageRow(msgspec.Struct, frozen=True, kw_only=True):
    """A message as the store has it.

    An assistant message of a live run has the text and thinking of the run's log so far.
    """

    id: int
    conversation_id: int
    parent_message_id: str | None
    run_id: str | None
    role: str
    content: str
    status: MessageStatus
    token_count: int
    metadata: dict[str, JSON]
    latency_ms: int
    error_message: str
    thinking: tuple[ThinkingRow, ...]
    created_at: datetime
    updated_at: datetime
    completed_at: datetime | None


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """A run that was made: its row, and event 1 as committed."""

    run: RunRow
    first_event: LoggedEvent


class StoreFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is found where a store is examined.

    Attributes:
        engine: What keeps it, with its version.
        full_text: Whether that can search text.
        intact: Whether it passes its own check.
        schema: The schema it has.
        newest_schema: The schema this Tailrace makes of it.
    """

    engine: str
    full_text: bool
    intact: bool
    schema: int
    newest_schema: int


class RunStore(Protocol):
    """Keeps runs and their logs."""

    async def create(self, run: NewRun) -> Accepted:
        """Make a run with its messages and event 1, in one commit.

        Raises:
            NotFoundError: the conversation does not exist, is deleted, or is somebody else's.
            ConflictError: the idempotency key is taken by another request; where it is taken by
                the same one, the run that has it is returned instead.
        """
        ...

    async def claim(self, run_id: str) -> RunRow:
        """Become the run's worker: state RUNNING, epoch and attempts one higher.

        Raises:
            NotFoundError: there is no such run.
            LogClosedError: it has ended.
        """
        ...

    def append(
        self,
        run_id: str,
        epoch: int,
        first_seq: int,
        events: Sequence[LoggedEvent],
        *,
        stage: WorkflowStage | None = None,
        stage_result: StageResult | None = None,
        final_state: FinalState | None = None,
    ) -> "asyncio.Future[int]":
        """Commit events `first_seq`…; the future gives the log's last seq.

        The same run, epoch, range and bytes again succeed: a reply was lost.

        Raises (through the future):
            FencedError: the run's epoch is another.
            LogClosedError: the run has ended.
            LogConflictError: the range is written with other bytes, or leaves a gap.
            StorageFullError: no room; nothing was kept.
        """
        ...

    async def cancel(self, run_id: str, at: datetime) -> RunRow:
        """Close the log with `interrupted`, epoch one higher; a run that has ended stays as it is.

        Raises:
            NotFoundError: there is no such run.
        """
        ...

    async def fail(self, run_id: str, error: TailraceError, at: datetime) -> RunRow:
        """Close the log with `fail`, epoch one higher; a run that has ended stays as it is.

        Raises:
            NotFoundError: there is no such run.
        """
        ...

    async def live_runs(self) -> list[str]:
        """The ids of all runs whose log is open, oldest first."""
        ...

    async def read(self, run_id: str, after_seq: int, limit: int) -> list[LoggedEvent]:
        """Up to `limit` events after `after_seq`, in order; checksums are verified.

        Raises:
            CorruptLogError: an event does not match its checksum.
        """
        ...

    async def stage_results(self, run_id: str) -> list[StageResult]:
        """What the run's finished stages have handed on, in the order they finished."""
        ...

    async def get_run(self, run_id: str, owner: str) -> RunRow:
        """The run.

        Raises:
            NotFoundError: there is no such run, or it is somebody else's.
        """
        ...

    async def list_runs(self, owner: str, limit: int, before: str | None) -> list[RunRow]:
        """Up to `limit` runs, newest first, older than the run `before`."""
        ...


class ConversationStore(Protocol):
    """Keeps conversations and messages."""

    async def create_conversation(
        self, owner: str, page_name: str, metadata: dict[str, JSON], at: datetime
    ) -> Conversation:
        """A new, empty conversation."""
        ...

    async def get_conversation(self, conversation_id: int, owner: str) -> Conversation:
        """The conversation, a deleted one too.

        Raises:
            NotFoundError: there is none, or it is somebody else's.
        """
        ...

    async def list_conversations(
        self, owner: str, limit: int, offset: int, page_name: str | None, status: str
    ) -> tuple[list[Conversation], int]:
        """A page, last used first, and how many there are in all."""
        ...

    async def list_messages(self, conversation_id: int, owner: str) -> list[MessageRow]:
        """All messages in order; empty for an unknown conversation."""
        ...

    async def get_message(self, message_id: int, owner: str) -> MessageRow:
        """The message.

        Raises:
            NotFoundError: there is none, or it is somebody else's.
        """
        ...

    async def history(self, conversation_id: int, before_message_id: int) -> list[MessageRow]:
        """The newest 200 ended messages with text before that message, in order."""
        ...


class Store(RunStore, ConversationStore, Protocol):
    """Everything one home keeps, but for its documents."""

    async def aclose(self) -> None:
        """Commit what is pending and close."""
        ...
