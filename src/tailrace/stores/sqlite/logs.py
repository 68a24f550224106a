"""Floor 1: the logs of runs in SQLite.

Every function that writes is an operation of `Database`: a pure function of the connection.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Final

import apsw
import msgspec

from tailrace.errors import (
    CorruptLogError,
    FencedError,
    HistoryTrimmedError,
    LogClosedError,
    LogConflictError,
    NotFoundError,
    TailraceError,
)
from tailrace.events.ending import ending, with_facts
from tailrace.events.event import StreamEvent
from tailrace.events.fold import RunFold
from tailrace.events.logged import LoggedEvent
from tailrace.events.types import EventType, Outcome, WorkflowStage
from tailrace.stores.base import LIVE_STATES, FinalState, RunRow, RunState, StageResult
from tailrace.stores.conversations import MessageStatus
from tailrace.stores.final import final_state
from tailrace.stores.sqlite import rows, snapshots
from tailrace.stores.sqlite.rows import one, time_text

_TAIL: Final = (  # the row of a run is not written at each append: its last seq is its last event's
    "SELECT id, gen, epoch, state, stage, "
    "(SELECT coalesce(max(seq), 0) FROM events WHERE run = runs.id AND gen = runs.gen) "
    "FROM runs WHERE run_id = ?"
)
_INSERT_EVENT: Final = (
    "INSERT INTO events (run, gen, seq, epoch, type, data, checksum) VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_NONE: Final = (0, 0, 0, "", "", 0)
_INPUT_REQUIRED: Final = EventType.INPUT_REQUIRED.value
_PAGE: Final = 1_000


def append(
    connection: apsw.Connection,
    run_id: str,
    epoch: int,
    first_seq: int,
    events: Sequence[LoggedEvent],
    stage: WorkflowStage | None,
    stage_result: StageResult | None = None,
    final: FinalState | None = None,
) -> int:
    """Add the events to the log, if it is where the writer believes it is.

    Raises:
        NotFoundError: no such run.
        FencedError: another attempt owns it.
        LogClosedError: it has ended.
        LogConflictError: the range is written otherwise, or leaves a gap.
    """
    run, gen, owner_epoch, state, old_stage, last_seq = one(connection, _TAIL, (run_id,)) or _NONE
    if owner_epoch != epoch or last_seq != first_seq - 1 or state not in LIVE_STATES:
        return _repeat(connection, run_id, epoch, first_seq, events)
    connection.executemany(
        _INSERT_EVENT,
        [(run, gen, e.seq, epoch, e.type, e.data, rows.checksum(e.data)) for e in events],
    )
    last_seq = events[-1].seq
    if stage is not None and stage != old_stage:
        connection.execute("UPDATE runs SET stage = ? WHERE id = ?", (stage.value, run))
    if stage_result is not None:
        connection.execute(
            "INSERT OR REPLACE INTO stages (run, stage, epoch, seq, output) VALUES (?, ?, ?, ?, ?)",
            (run, stage_result.stage.value, epoch, last_seq, rows.json_text(stage_result.output)),
        )
    if final is not None:
        _finish(connection, run_id, final, last_seq)
    elif events[-1].type == _INPUT_REQUIRED:
        _set_state(connection, run_id, "waiting", "pending", events[-1])
    return last_seq


def resume(connection: apsw.Connection, run_id: str, event: LoggedEvent) -> int:
    """Go on with a run that waits, with `event` as the first of its epoch.

    Raises:
        NotFoundError: no such run.
        FencedError: another attempt owns it.
        LogClosedError: it has ended.
        LogConflictError: it does not wait, or the event does not follow its log.
    """
    run, epoch = run_of(connection, run_id), event.event.epoch
    if run.epoch != epoch - 1:
        return _repeat(connection, run_id, epoch, event.seq, [event])
    if run.state not in LIVE_STATES:
        raise LogClosedError(closed(run_id))
    if run.state is not RunState.WAITING:
        msg = f"run {run_id} waits for nothing"
        raise LogConflictError(msg)
    connection.execute("UPDATE runs SET epoch = ? WHERE run_id = ?", (epoch, run_id))
    _set_state(connection, run_id, "running", "streaming", event)
    return append(connection, run_id, epoch, event.seq, [event], event.event.stage)


def close(
    connection: apsw.Connection,
    run_id: str,
    outcome: Outcome,
    error: TailraceError | None,
    at: datetime,
) -> RunRow:
    """End the run, whoever works on it: epoch one higher, terminal event, message.

    Raises:
        NotFoundError: no such run.
    """
    run = run_of(connection, run_id)
    if run.state not in LIVE_STATES:
        return run
    fold = RunFold()
    with suppress(CorruptLogError):  # what is not as it was written, and what follows, is not told
        while page := read(connection, run_id, fold.last_seq, _PAGE):
            for logged in page:
                fold.apply(logged.event)
    seq, epoch = run.last_seq + 1, run.epoch + 1
    terminal = with_facts(ending(outcome, at, error=error), fold, seq)
    terminal = msgspec.structs.replace(terminal, run_id=run_id, gen=run.gen, seq=seq, epoch=epoch)
    fold.apply(terminal)
    connection.execute("UPDATE runs SET epoch = ? WHERE run_id = ?", (epoch, run_id))
    logged = LoggedEvent.of(terminal)
    final = _reaching(final_state(fold, terminal), run.last_seq)
    append(connection, run_id, epoch, seq, [logged], terminal.stage, final=final)
    return run_of(connection, run_id)


def _reaching(final: FinalState, last_seq: int) -> FinalState:
    """The end of a run, with a snapshot that stands for all its events, the damaged ones too."""
    snapshot = StreamEvent.from_json_bytes(final.snapshot)
    if snapshot.seq == last_seq:
        return final
    data = msgspec.structs.replace(snapshot, seq=last_seq).to_json_bytes()
    return msgspec.structs.replace(final, snapshot=data)


def read(connection: apsw.Connection, run_id: str, after_seq: int, limit: int) -> list[LoggedEvent]:
    """Up to `limit` events after `after_seq`; none from one on that is not as it was written.

    Raises:
        HistoryTrimmedError: the first of them were let go of.
        CorruptLogError: the first of them does not match its checksum.
    """
    run = one(connection, "SELECT id, gen, trimmed_seq FROM runs WHERE run_id = ?", (run_id,))
    if run is None:
        return []
    *where, trimmed_seq = run
    if after_seq < trimmed_seq:
        raise HistoryTrimmedError(run_id, trimmed_seq)
    found = rows.rows(
        connection,
        "SELECT seq, type, data, checksum FROM events "
        "WHERE run = ? AND gen = ? AND seq > ? ORDER BY seq LIMIT ?",
        (*where, after_seq, limit),
    )
    events: list[LoggedEvent] = []
    for row in found:
        try:
            events.append(rows.logged_event(run[1], row))
        except CorruptLogError:
            if not events:
                raise
            break
    return events


def stage_results(connection: apsw.Connection, run_id: str) -> list[StageResult]:
    """What the run's finished stages have handed on, in the order they finished."""
    found = rows.rows(
        connection,
        "SELECT stage, output, seq FROM stages "
        "WHERE run = (SELECT id FROM runs WHERE run_id = ?) ORDER BY seq",
        (run_id,),
    )
    return [
        StageResult(stage=WorkflowStage(stage), output=rows.json_object(output), seq=seq)
        for stage, output, seq in found
    ]


def run_of(connection: apsw.Connection, run_id: str) -> RunRow:
    """The run, whoever owns it.

    Raises:
        NotFoundError: there is none.
    """
    row = one(
        connection,
        f"SELECT {rows.RUN_COLUMNS} FROM runs WHERE run_id = ?",  # noqa: S608 - a constant of ours
        (run_id,),
    )
    if row is None:
        raise NotFoundError(unknown(run_id))
    return rows.run_row(row)


def unknown(run_id: str) -> str:
    """What a person is told of a run that does not exist."""
    return f"there is no run {run_id[:40]!r}"


def closed(run_id: str) -> str:
    """What a person is told of a run that has ended."""
    return f"run {run_id} has ended; its log takes nothing more"


def _repeat(
    connection: apsw.Connection,
    run_id: str,
    epoch: int,
    first_seq: int,
    events: Sequence[LoggedEvent],
) -> int:
    """Success where this very range is in the log already; otherwise the reason it cannot be.

    Raises:
        FencedError: another attempt owns the run.
        LogClosedError: it has ended.
        LogConflictError: the range does not follow the log.
    """
    run = run_of(connection, run_id)
    if run.epoch != epoch:
        msg = f"run {run_id} belongs to attempt {run.epoch} now, not {epoch}"
        raise FencedError(msg)
    after_seq = max(first_seq - 1, run.trimmed_seq)  # what was let go of cannot be compared
    written = read(connection, run_id, after_seq, len(events))
    if [e.data for e in written] == [e.data for e in events]:
        return run.last_seq
    if run.state not in LIVE_STATES:
        raise LogClosedError(closed(run_id))
    msg = f"run {run_id} is at event {run.last_seq}; events from {first_seq} do not follow it"
    raise LogConflictError(msg)


def _set_state(
    connection: apsw.Connection, run_id: str, state: str, status: str, event: LoggedEvent
) -> None:
    """Note that the run waits, or goes on, since `event`."""
    at = time_text(event.event.timestamp)
    connection.execute(
        "UPDATE runs SET state = ?, updated_at = ?, worker = NULL, lease_until = NULL "
        "WHERE run_id = ?",
        (state, at, run_id),
    )
    connection.execute(
        "UPDATE messages SET status = ?, updated_at = ? "
        "WHERE id = (SELECT assistant_message_id FROM runs WHERE run_id = ?)",
        (status, at, run_id),
    )


def _finish(connection: apsw.Connection, run_id: str, final: FinalState, last_seq: int) -> None:
    if final.snapshot:
        snapshots.keep(connection, run_id, final.snapshot, last_seq - 1)
    at = time_text(final.finished_at)
    row = one(
        connection,
        "UPDATE runs SET state = ?, outcome = ?, error_code = ?, updated_at = ?, finished_at = ?, "
        "worker = NULL, lease_until = NULL "
        "WHERE run_id = ? RETURNING assistant_message_id, conversation_id",
        (final.state.value, final.outcome.value, final.error_code, at, at, run_id),
    )
    if row is None or row[0] is None:
        return
    message_id, conversation_id = row
    connection.execute(
        "UPDATE messages SET content = ?, status = ?, token_count = ?, metadata = ?, "
        "latency_ms = ?, error_message = ?, updated_at = ?, completed_at = ? WHERE id = ?",
        (
            final.content,
            MessageStatus(final.state.value).value,
            final.token_count,
            rows.json_text(final.metadata),
            final.latency_ms,
            final.error_message,
            at,
            at,
            message_id,
        ),
    )
    connection.executemany(
        "INSERT INTO message_thinking (message_id, content, stage, progress, sequence, created_at) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        [
            (
                message_id,
                status.content,
                status.stage.value if status.stage else None,
                status.progress,
                sequence,
                time_text(status.timestamp),
            )
            for sequence, status in enumerate(final.thinking, start=1)
        ],
    )
    connection.execute(
        "UPDATE conversations SET updated_at = ? WHERE id = ?", (at, conversation_id)
    )
