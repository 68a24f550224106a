"""Testing floor: runs in memory, and how they are accepted; see `tailrace.testing.memory_store`."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import msgspec

from tailrace._clock import SYSTEM_CLOCK, Clock
from tailrace.errors import ConflictError, InvalidRequestError, NotFoundError
from tailrace.events.logged import LoggedEvent
from tailrace.events.opening import opening
from tailrace.events.types import WorkflowStage
from tailrace.stores.base import LIVE_STATES, Accepted, NewRun, RunRow, RunState, StageResult
from tailrace.stores.conversations import MessageRow, MessageStatus
from tailrace.testing.memory_conversations import MemoryConversations

HELD_STATES: Final = (RunState.QUEUED, RunState.RUNNING)
"""The states of a run that has a worker, or wants one."""

_KEY_KEPT: Final = timedelta(hours=24)


@dataclass(slots=True)
class Kept:
    """A run as it is kept.

    Attributes:
        worker: Who holds it; None where nobody does.
        lease_until: Until when.
    """

    row: RunRow
    key: str | None
    request_sha256: str
    worker: str | None
    lease_until: datetime | None
    events: list[LoggedEvent] = field(default_factory=list[LoggedEvent])
    results: dict[WorkflowStage, StageResult] = field(
        default_factory=dict[WorkflowStage, StageResult]
    )

    def set(self, **changes: object) -> None:
        """Change columns of its row."""
        self.row = msgspec.structs.replace(self.row, **changes)

    @property
    def is_open(self) -> bool:
        """Whether its log takes more."""
        return self.row.state in LIVE_STATES

    def is_free(self, at: datetime) -> bool:
        """Whether no lease on it holds at `at`."""
        return self.lease_until is None or self.lease_until <= at


class MemoryRuns(MemoryConversations):
    """Accepts runs, with their messages.

    Attributes:
        kept: The runs by their id, oldest first.
    """

    def __init__(self, clock: Clock = SYSTEM_CLOCK) -> None:
        super().__init__()
        self.kept: dict[str, Kept] = {}
        self.clock = clock

    def log_of(self, run_id: str) -> Sequence[LoggedEvent]:
        """The run's whole log."""
        return self.kept[run_id].events

    def message_of(self, run: RunRow) -> MessageRow | None:
        """The run's answer as it is kept; None where it has no conversation."""
        return self._messages.get(run.assistant_message_id or 0)

    def run(self, run_id: str) -> Kept:
        """The run, whoever owns it.

        Raises:
            NotFoundError: there is none.
        """
        kept = self.kept.get(run_id)
        if kept is None:
            raise NotFoundError(unknown(run_id))
        return kept

    def lease_end(self, lease_s: float) -> datetime:
        """When a lease of `lease_s` ends that begins now."""
        return self.clock.now() + timedelta(seconds=lease_s)

    async def create(self, run: NewRun) -> Accepted:
        """See `RunStore.create`."""
        known = self._same_request(run)
        if known is not None:
            return Accepted(run=known.row, first_event=known.events[0])
        if run.conversation_id is not None:
            self._active(run.conversation_id, run.owner)
        self._check_not_busy(run)
        user, assistant = self._create_messages(run, self._question_of_retried(run))
        row = _row(run, user, assistant)
        until = None if run.worker is None else self.lease_end(run.lease_s)
        kept = Kept(row, run.idempotency_key, run.request_sha256, run.worker, until)
        first = LoggedEvent.of(
            opening(
                run_id=run.run_id,
                session_id=run.session_id,
                conversation_id=run.conversation_id,
                user_message_id=user,
                assistant_message_id=assistant,
                at=run.created_at,
                kind=run.kind,
            )
        )
        kept.events.append(first)
        self.kept[run.run_id] = kept
        return Accepted(run=row, first_event=first)

    def _same_request(self, run: NewRun) -> Kept | None:
        if run.idempotency_key is None:
            return None
        for kept in self.kept.values():
            if (kept.row.owner, kept.key) != (run.owner, run.idempotency_key):
                continue
            if kept.row.created_at < run.created_at - _KEY_KEPT:
                kept.key = None
                continue
            if kept.request_sha256 != run.request_sha256:
                msg = f"the Idempotency-Key {run.idempotency_key!r} was used for another request"
                raise InvalidRequestError(msg)
            return kept
        return None

    def _check_not_busy(self, run: NewRun) -> None:
        if run.conversation_id is None or not run.unless_busy:
            return
        for kept in self.kept.values():
            row = kept.row
            if row.conversation_id == run.conversation_id and row.state in HELD_STATES:
                msg = f"run {row.run_id} of this conversation has not ended"
                raise ConflictError(msg)

    def _question_of_retried(self, run: NewRun) -> int | None:
        if run.retry_of is None:
            return None
        kept = self.kept.get(run.retry_of)
        place = (run.owner, run.conversation_id)
        if kept is None or (kept.row.owner, kept.row.conversation_id) != place:
            msg = f"{unknown(run.retry_of)} in this conversation to try again"
            raise NotFoundError(msg)
        newest = max(m.id for m in self._of(run.conversation_id or 0))
        if kept.is_open or kept.row.assistant_message_id != newest:
            msg = f"run {run.retry_of} has not ended, or is not the newest any more"
            raise ConflictError(msg)
        if kept.row.query != run.query:
            msg = f"run {run.retry_of} answered another question"
            raise InvalidRequestError(msg)
        return kept.row.user_message_id

    def _create_messages(self, run: NewRun, question: int | None) -> tuple[int | None, int | None]:
        place, at = run.conversation_id, run.created_at
        if place is None:
            return None, None
        if question is None:
            completed = MessageStatus.COMPLETED
            question = self._add(place, run.run_id, None, "user", run.query, completed, at)
        pending = MessageStatus.PENDING
        answer = self._add(place, run.run_id, str(question), "assistant", "", pending, at)
        self._use(place, run.owner, at, run.query)
        return question, answer


def _row(run: NewRun, user: int | None, assistant: int | None) -> RunRow:
    return RunRow(
        run_id=run.run_id,
        owner=run.owner,
        query=run.query,
        request=run.request,
        session_id=run.session_id,
        conversation_id=run.conversation_id,
        user_message_id=user,
        assistant_message_id=assistant,
        state=RunState.QUEUED,
        stage=WorkflowStage.INIT,
        gen=1,
        epoch=1,
        last_seq=1,
        attempts=0,
        outcome=None,
        error_code=None,
        created_at=run.created_at,
        updated_at=run.created_at,
        finished_at=None,
        kind=run.kind,
    )


def unknown(run_id: str) -> str:
    """What a person is told of a run that does not exist."""
    return f"there is no run {run_id[:40]!r}"
