"""Floor 1: what a store promises; `tailrace.testing.stores` proves it for anybody's.

Rule 1: each method of a store is atomic: all of it is kept, or nothing.
Rule 2: when `append` returns, its events survive a killed process.
Rule 3: only the newest epoch of a run may append; a run that has ended takes nothing more.
Rule 4: a run whose newest event is `input_required` waits: it is WAITING and its message PENDING
    from the commit of that event to that of the next.
Rule 5: a run in the queue or at work is its worker's until that one's lease ends, by the store's
    clock; one that waits or has ended is nobody's. `cancel`, `fail` and an answer need no lease.
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
from tailrace.events.types import Outcome, RunKind, WorkflowStage
from tailrace.stores.conversations import ConversationStore
from tailrace.stores.retention import Retention


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


class NewRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run that was accepted.

    Attributes:
        run_id: Its id, made by the caller.
        owner: Whose run it is; "" where there is one person only.
        query: What was asked.
        request: The request as a JSON object, enough to run it again.
        session_id: The client's session.
        conversation_id: Where it belongs; None for a run without a conversation.
        retry_of: The ended run of the same conversation whose question it answers again; None
            where it brings a question of its own.
        unless_busy: Refuse it while another run of the conversation is in its queue or at work.
        idempotency_key: The client's key; None without one.
        request_sha256: The hash of the request, to tell a repeat from a reuse of the key.
        created_at: Aware, UTC.
        worker: Who keeps it in its queue; None where anybody may claim it.
        lease_s: For how long it is that worker's.
        kind: What it is for.
    """

    run_id: str
    owner: str
    query: str
    request: dict[str, JSON]
    session_id: str
    conversation_id: int | None
    retry_of: str | None = None
    unless_busy: bool = False
    idempotency_key: str | None = None
    request_sha256: str = ""
    created_at: datetime
    worker: str | None = None
    lease_s: float = 0.0
    kind: RunKind = RunKind.CHAT


class RunRow(msgspec.Struct, frozen=True, kw_only=True):
    """A run as the store has it.

    Attributes:
        gen: The generation of its log, from 1.
        epoch: The fencing number of its newest attempt.
        last_seq: The seq of the newest event.
        attempts: How many workers have claimed it; to go on after a wait is none.
        outcome: How it ended; None while it has not.
        error_code: Why it failed; None where it did not.
        trimmed_seq: Events up to this one were let go of; 0 where all are there.
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
    trimmed_seq: int = 0
    kind: RunKind = RunKind.CHAT


class StageResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a finished stage hands on, committed with the event that ends it.

    Attributes:
        seq: Of that event; 0 before it is committed.
    """

    stage: WorkflowStage
    output: dict[str, JSON]
    seq: int = 0


class FinalState(msgspec.Struct, frozen=True, kw_only=True):
    """How a run and its message end; committed with the terminal event.

    Attributes:
        state: COMPLETED, FAILED or CANCELLED.
        content: The whole answer, or the part there is.
        metadata: `{type: [{content, timestamp, stage, progress}]}`.
        error_message: A sentence for people; "" without an error.
        token_count: Tokens the model wrote in this run; 0 where unknown.
        latency_ms: From acceptance to the end.
        snapshot: What the run amounts to before its terminal event, as the event that says it;
            empty: the store keeps none.
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
    snapshot: bytes = b""


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """A run that was made: its row, and event 1 as committed."""

    run: RunRow
    first_event: LoggedEvent


class LostRuns(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker learns when it looks for runs that somebody has lost.

    Attributes:
        runs: Those that nobody holds, oldest first.
        next_end_s: When the next lease of another worker ends, if it is not renewed; None where
            no other holds one.
    """

    runs: list[RunRow]
    next_end_s: float | None


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
            NotFoundError: the conversation does not exist, is deleted, or is somebody else's; or
                it has no such run to try again.
            ConflictError: the run to try again has not ended, or is not the newest any more; or
                the conversation is busy, and the run is only wanted where it is not.
            InvalidRequestError: the run to try again answered another question; or the
                idempotency key was used for another request less than 24 hours ago. Where it
                was used for the same one, that run is returned, whatever else would hold.
        """
        ...

    async def claim(self, run_id: str, *, worker: str, lease_s: float) -> RunRow:
        """Take the run's lease for `lease_s`: state RUNNING, attempts one higher.

        The epoch is one higher too, but for the very first claim by the worker that has accepted
        the run, or of a run that nobody held. A worker may claim anew what it holds: its older
        self, dead or not, is fenced by that.

        Raises:
            NotFoundError: there is no such run.
            LeasedError: the lease of another worker has not ended, or the run waits for its user.
            LogClosedError: it has ended.
        """
        ...

    async def heartbeat(self, run_id: str, epoch: int, lease_s: float) -> None:
        """Renew the lease: it ends `lease_s` from now. A run that waits has none to renew.

        A lease that has ended is renewed as well, as long as nobody else has claimed the run.

        Raises:
            NotFoundError: there is no such run.
            FencedError: the run's epoch is another, or it was given back.
            LogClosedError: it has ended.
        """
        ...

    async def release(self, run_id: str, epoch: int) -> None:
        """Give a run back as it is, for any worker: state QUEUED, no lease.

        Attempts are one lower, if it was claimed. A run that has ended, waits for its user or
        belongs to another epoch stays as it is.
        """
        ...

    async def lost_runs(self, worker: str, limit: int) -> LostRuns:
        """Up to `limit` runs in a queue or at work whose lease has ended, or that never had one.

        Runs of `worker` itself are among them: it may have accepted one and never learned of it.
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

        Where the last of them is an `input_required`, the run waits from that commit on.

        The same run, epoch, range and bytes again succeed: a reply was lost.

        Raises (through the future):
            FencedError: the run's epoch is another.
            LogClosedError: the run has ended.
            LogConflictError: the range is written with other bytes, or leaves a gap.
            StorageFullError: no room; nothing was kept.
            StoreError: where it is `retryable`, it may have been kept or not; the same append again
                finds out.
        """
        ...

    def resume(
        self, run_id: str, event: LoggedEvent, *, worker: str, lease_s: float
    ) -> "asyncio.Future[int]":
        """Go on with a run that waits, under the epoch of `event`, which has its user's answer.

        One commit: the event, the state RUNNING, the message STREAMING, the lease; the attempts
        stay as they are. The same event again succeeds: a reply was lost.

        Raises (through the future):
            FencedError: the run's epoch is not the one before the event's.
            LogClosedError: the run has ended.
            LogConflictError: the run does not wait, or the event does not follow its log.
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

    async def live_runs(self, worker: str | None = None) -> list[RunRow]:
        """All runs whose log is open, oldest first; not those held by others than `worker`."""
        ...

    async def read(self, run_id: str, after_seq: int, limit: int) -> list[LoggedEvent]:
        """Up to `limit` events after `after_seq`, in order; none from one on that is damaged.

        Raises:
            HistoryTrimmedError: the first of them were let go of.
            CorruptLogError: the first of them does not match its checksum.
        """
        ...

    async def snapshot(self, run_id: str) -> LoggedEvent | None:
        """What a run that has ended amounts to, as kept with its end; None where it was not.

        Only the terminal event comes after it.

        Raises:
            CorruptLogError: it does not match its checksum.
        """
        ...

    async def conversation_runs(
        self, conversation_id: int, after: str | None, limit: int
    ) -> list[RunRow]:
        """Up to `limit` runs of a conversation in the order they came, after the run `after`."""
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

    async def list_runs(
        self, owner: str, limit: int, before: str | None, kind: RunKind | None = None
    ) -> list[RunRow]:
        """Up to `limit` runs, newest first, older than the run `before`; None: of each kind."""
        ...


class Store(RunStore, ConversationStore, Retention, Protocol):
    """Everything one home keeps, but for its documents."""

    async def aclose(self) -> None:
        """Commit what is pending and close."""
        ...
