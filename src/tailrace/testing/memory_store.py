"""Testing floor: MemoryStore, the store contract in plain Python, for tests and simulations.

Rule 1: it keeps what `tailrace.stores.base` promises but one thing: it dies with its process.
Rule 2: it is deterministic: no thread, no set, no id or time of its own.
Rule 3: every method does its work in one turn of the event loop, so that each is atomic.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

import msgspec

from tailrace.errors import (
    FencedError,
    HistoryTrimmedError,
    LeasedError,
    LogClosedError,
    LogConflictError,
    NotFoundError,
    TailraceError,
)
from tailrace.events.ending import ending, with_facts
from tailrace.events.fold import RunFold
from tailrace.events.logged import LoggedEvent
from tailrace.events.types import EventType, Outcome, RunKind, WorkflowStage
from tailrace.stores.base import (
    FinalState,
    LostRuns,
    RunRow,
    RunState,
    StageResult,
)
from tailrace.stores.conversations import MessageStatus
from tailrace.stores.final import final_state
from tailrace.stores.retention import Trimmed
from tailrace.testing.memory_runs import HELD_STATES, Kept, MemoryRuns, unknown

T = TypeVar("T")


class MemoryStore(MemoryRuns):
    """Keeps runs, logs and conversations; each method is described by `stores.base.Store`."""

    async def aclose(self) -> None:
        """Nothing is pending, and nothing is open."""

    async def claim(self, run_id: str, *, worker: str, lease_s: float) -> RunRow:
        """See `RunStore.claim`.

        Raises:
            LeasedError: another worker holds it, or it waits for its user.
            LogClosedError: it has ended.
        """
        kept, at = self.run(run_id), self.clock.now()
        row = kept.row
        if not kept.is_open:
            raise LogClosedError(_closed(run_id))
        if row.state is RunState.WAITING:
            msg = f"run {run_id} waits for its user; it goes on with their answer"
            raise LeasedError(msg)
        if kept.worker not in {None, worker} and not kept.is_free(at):
            msg = f"run {run_id} is another worker's until {kept.lease_until}"
            raise LeasedError(msg)
        is_first = not row.attempts and row.last_seq == 1 and kept.worker in {None, worker}
        kept.worker, kept.lease_until = worker, self.lease_end(lease_s)
        kept.set(
            state=RunState.RUNNING,
            attempts=row.attempts + 1,
            epoch=row.epoch if is_first else row.epoch + 1,
            updated_at=at,
        )
        self._set_status(row.assistant_message_id, MessageStatus.STREAMING, at)
        return kept.row

    async def heartbeat(self, run_id: str, epoch: int, lease_s: float) -> None:
        """See `RunStore.heartbeat`.

        Raises:
            FencedError: another attempt owns it, or it was given back.
            LogClosedError: it has ended.
        """
        kept = self.run(run_id)
        self._check_epoch(kept, epoch)
        if not kept.is_open:
            raise LogClosedError(_closed(run_id))
        if kept.row.state is RunState.WAITING:
            return
        if kept.worker is None:
            msg = f"run {run_id} was given back; claim it again"
            raise FencedError(msg)
        kept.lease_until = self.lease_end(lease_s)

    async def release(self, run_id: str, epoch: int) -> None:
        """See `RunStore.release`."""
        kept, at = self.run(run_id), self.clock.now()
        row = kept.row
        if row.epoch != epoch or row.state not in HELD_STATES:
            return
        kept.worker = kept.lease_until = None
        attempts = row.attempts - (row.state is RunState.RUNNING)
        kept.set(state=RunState.QUEUED, attempts=attempts, updated_at=at)
        self._set_status(row.assistant_message_id, MessageStatus.PENDING, at)

    async def lost_runs(self, worker: str, limit: int) -> LostRuns:
        """See `RunStore.lost_runs`."""
        at = self.clock.now()
        held = [kept for kept in self.kept.values() if kept.row.state in HELD_STATES]
        ends = [
            kept.lease_until
            for kept in held
            if kept.lease_until is not None and not kept.is_free(at) and kept.worker != worker
        ]
        return LostRuns(
            runs=[kept.row for kept in held if kept.is_free(at)][:limit],
            next_end_s=(min(ends) - at).total_seconds() if ends else None,
        )

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
        """See `RunStore.append`."""

        def write() -> int:
            kept = self.run(run_id)
            if not self._follows(kept, epoch, first_seq):
                return self._repeat(kept, epoch, first_seq, events)
            self._add_events(kept, events, stage, stage_result, final_state)
            return kept.row.last_seq

        return _done(write)

    def resume(
        self, run_id: str, event: LoggedEvent, *, worker: str, lease_s: float
    ) -> "asyncio.Future[int]":
        """See `RunStore.resume`."""

        def write() -> int:
            kept, epoch = self.run(run_id), event.event.epoch
            if kept.row.epoch != epoch - 1:
                return self._repeat(kept, epoch, event.seq, [event])
            if not kept.is_open:
                raise LogClosedError(_closed(run_id))
            if kept.row.state is not RunState.WAITING or event.seq != kept.row.last_seq + 1:
                msg = f"run {run_id} waits for nothing, or is not where this answer follows it"
                raise LogConflictError(msg)
            kept.worker, kept.lease_until = worker, self.lease_end(lease_s)
            kept.set(epoch=epoch, state=RunState.RUNNING, updated_at=event.event.timestamp)
            self._set_status(
                kept.row.assistant_message_id, MessageStatus.STREAMING, event.event.timestamp
            )
            self._add_events(kept, [event], event.event.stage, None, None)
            return kept.row.last_seq

        return _done(write)

    async def cancel(self, run_id: str, at: datetime) -> RunRow:
        """See `RunStore.cancel`."""
        return self._close(run_id, Outcome.CANCELLED, None, at)

    async def fail(self, run_id: str, error: TailraceError, at: datetime) -> RunRow:
        """See `RunStore.fail`."""
        return self._close(run_id, Outcome.FAILED, error, at)

    async def live_runs(self, worker: str | None = None) -> list[RunRow]:
        """See `RunStore.live_runs`."""
        at = self.clock.now()
        return [
            kept.row
            for kept in self.kept.values()
            if kept.is_open and (worker in {None, kept.worker} or kept.is_free(at))
        ]

    async def read(self, run_id: str, after_seq: int, limit: int) -> list[LoggedEvent]:
        """See `RunStore.read`.

        Raises:
            HistoryTrimmedError: the first of them were let go of.
        """
        kept = self.kept.get(run_id)
        if kept is None:
            return []
        if after_seq < kept.row.trimmed_seq:
            raise HistoryTrimmedError(run_id, kept.row.trimmed_seq)
        return kept.events[after_seq : after_seq + limit]

    async def snapshot(self, run_id: str) -> LoggedEvent | None:
        """See `RunStore.snapshot`."""
        kept = self.kept.get(run_id)
        if kept is None or kept.is_open:
            return None
        fold = RunFold()
        for logged in kept.events:
            fold.apply(logged.event)
        return fold.snapshot()

    async def conversation_runs(
        self, conversation_id: int, after: str | None, limit: int
    ) -> list[RunRow]:
        """See `RunStore.conversation_runs`."""
        found = [k.row for k in self.kept.values() if k.row.conversation_id == conversation_id]
        start = next((n for n, row in enumerate(found, 1) if row.run_id == after), 0)
        return found[start : start + limit]

    async def stage_results(self, run_id: str) -> list[StageResult]:
        """See `RunStore.stage_results`."""
        kept = self.kept.get(run_id)
        return [] if kept is None else sorted(kept.results.values(), key=lambda each: each.seq)

    async def get_run(self, run_id: str, owner: str) -> RunRow:
        """See `RunStore.get_run`.

        Raises:
            NotFoundError: there is none, or it is somebody else's.
        """
        row = self.run(run_id).row
        if row.owner != owner:
            raise NotFoundError(unknown(run_id))
        return row

    async def list_runs(
        self, owner: str, limit: int, before: str | None, kind: RunKind | None = None
    ) -> list[RunRow]:
        """See `RunStore.list_runs`."""
        found = [
            kept.row
            for run_id, kept in self.kept.items()
            if kept.row.owner == owner
            and (before is None or run_id < before)
            and kind in {None, kept.row.kind}
        ]
        return sorted(found, key=lambda row: row.run_id, reverse=True)[:limit]

    async def trim(self, before: datetime, limit: int, *, owner: str | None = None) -> Trimmed:
        """See `Retention.trim`; what is gone is refused, and stays in memory."""
        runs = events = 0
        for kept in self._old(before, owner):
            if events == limit:
                return Trimmed(runs=runs, events=events, done=False)
            row = kept.row
            until = min(row.trimmed_seq + limit - events, row.last_seq - 1)
            events += until - row.trimmed_seq
            runs += until == row.last_seq - 1
            kept.set(trimmed_seq=until)
        return Trimmed(runs=runs, events=events, done=events < limit)

    async def trimmable(self, before: datetime, *, owner: str | None = None) -> Trimmed:
        """See `Retention.trimmable`."""
        old = self._old(before, owner)
        events = sum(kept.row.last_seq - 1 - kept.row.trimmed_seq for kept in old)
        return Trimmed(runs=len(old), events=events, done=True)

    def _old(self, before: datetime, owner: str | None) -> list[Kept]:
        found = [
            (kept.row.finished_at, kept)
            for kept in self.kept.values()
            if kept.row.finished_at is not None
            and kept.row.finished_at < before
            and kept.row.trimmed_seq < kept.row.last_seq - 1
            and owner in {None, kept.row.owner}
        ]
        return [kept for _, kept in sorted(found, key=lambda each: each[0])]

    def _follows(self, kept: Kept, epoch: int, first_seq: int) -> bool:
        """Whether events from `first_seq` under `epoch` are what comes next in the log."""
        row = kept.row
        return (row.epoch, row.last_seq + 1) == (epoch, first_seq) and kept.is_open

    def _repeat(self, kept: Kept, epoch: int, first_seq: int, events: Sequence[LoggedEvent]) -> int:
        """Success where this very range is in the log already.

        Raises:
            FencedError: another attempt owns the run.
            LogClosedError: it has ended.
            LogConflictError: the range does not follow the log.
        """
        row = kept.row
        self._check_epoch(kept, epoch)
        after = max(first_seq - 1, row.trimmed_seq)
        if kept.events[after : after + len(events)] == list(events):
            return row.last_seq
        if not kept.is_open:
            raise LogClosedError(_closed(row.run_id))
        msg = f"run {row.run_id} is at event {row.last_seq}; {first_seq} does not follow it"
        raise LogConflictError(msg)

    def _add_events(
        self,
        kept: Kept,
        events: Sequence[LoggedEvent],
        stage: WorkflowStage | None,
        result: StageResult | None,
        final: FinalState | None,
    ) -> None:
        kept.events.extend(events)
        last = events[-1]
        kept.set(last_seq=last.seq, stage=stage or kept.row.stage)
        if result is not None:
            kept.results[result.stage] = msgspec.structs.replace(result, seq=last.seq)
        if final is not None:
            kept.worker = kept.lease_until = None
            kept.set(
                state=final.state,
                outcome=final.outcome,
                error_code=final.error_code,
                updated_at=final.finished_at,
                finished_at=final.finished_at,
            )
            self._finish(kept.row.assistant_message_id, final)
        elif last.type == EventType.INPUT_REQUIRED:
            kept.worker = kept.lease_until = None
            at = last.event.timestamp
            kept.set(state=RunState.WAITING, updated_at=at)
            self._set_status(kept.row.assistant_message_id, MessageStatus.PENDING, at)

    def _close(
        self, run_id: str, outcome: Outcome, error: TailraceError | None, at: datetime
    ) -> RunRow:
        kept = self.run(run_id)
        if not kept.is_open:
            return kept.row
        self._raise_epoch(kept)
        fold = RunFold()
        for logged in kept.events:
            fold.apply(logged.event)
        seq = kept.row.last_seq + 1
        terminal = msgspec.structs.replace(
            with_facts(ending(outcome, at, error=error), fold, seq),
            run_id=run_id,
            gen=kept.row.gen,
            seq=seq,
            epoch=kept.row.epoch,
        )
        fold.apply(terminal)
        final = final_state(fold, terminal)
        self._add_events(kept, [LoggedEvent.of(terminal)], terminal.stage, None, final)
        return kept.row

    def _raise_epoch(self, kept: Kept) -> None:
        """Fence whoever works on the run that is being closed."""
        kept.set(epoch=kept.row.epoch + 1)

    def _check_epoch(self, kept: Kept, epoch: int) -> None:
        if kept.row.epoch != epoch:
            msg = f"run {kept.row.run_id} belongs to attempt {kept.row.epoch} now, not {epoch}"
            raise FencedError(msg)


def _done(write: Callable[[], T]) -> "asyncio.Future[T]":
    """What comes of `write`, at once."""
    future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
    try:
        future.set_result(write())
    except TailraceError as error:
        future.set_exception(error)
    return future


def _closed(run_id: str) -> str:
    return f"run {run_id} has ended; its log takes nothing more"
