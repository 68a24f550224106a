"""Floor 1: runs and their logs in SQLite.

Every function that writes is an operation of `Database`: a pure function of the connection.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import apsw
import msgspec

from tailrace.errors import (
    ConflictError,
    FencedError,
    LogClosedError,
    LogConflictError,
    NotFoundError,
    TailraceError,
)
from tailrace.events.ending import ending, with_facts
from tailrace.events.fold import RunFold
from tailrace.events.logged import LoggedEvent
from tailrace.events.opening import opening
from tailrace.events.types import Outcome, WorkflowStage
from tailrace.stores.base import (
    LIVE_STATES,
    Accepted,
    FinalState,
    MessageStatus,
    NewRun,
    RunRow,
    StageResult,
)
from tailrace.stores.final import final_state
from tailrace.stores.sqlite import rows
from tailrace.stores.sqlite.rows import one, time_text

_TITLE_CHARS: Final = 50
_KEY_KEPT: Final = timedelta(hours=24)

_TAIL: Final = (  # the row of a run is not written at each append: its last seq is its last event's
    "SELECT id, gen, epoch, state, stage, "
    "(SELECT coalesce(max(seq), 0) FROM events WHERE run = runs.id AND gen = runs.gen) "
    "FROM runs WHERE run_id = ?"
)
_INSERT_EVENT: Final = (
    "INSERT INTO events (run, gen, seq, epoch, type, data, checksum) VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_NONE: Final = (0, 0, 0, "", "", 0)


def create(connection: apsw.Connection, run: NewRun) -> Accepted:
    """Make the run, its messages and event 1.

    Raises:
        NotFoundError: no such conversation.
        ConflictError: the idempotency key belongs to another request.
    """
    known = _same_request(connection, run)
    if known is not None:
        return known
    _check_conversation(connection, run)
    at = time_text(run.created_at)
    connection.execute(
        "INSERT INTO runs (run_id, owner, query, request, request_sha256, idempotency_key, "
        "session_id, conversation_id, state, stage, epoch, created_at, updated_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'queued', 'init', 1, ?, ?)",
        (
            run.run_id,
            run.owner,
            run.query,
            rows.json_text(run.request),
            run.request_sha256,
            run.idempotency_key,
            run.session_id,
            run.conversation_id,
            at,
            at,
        ),
    )
    user, assistant = _create_messages(connection, run, at)
    event = opening(
        run_id=run.run_id,
        session_id=run.session_id,
        conversation_id=run.conversation_id,
        user_message_id=user,
        assistant_message_id=assistant,
        at=run.created_at,
    )
    first = LoggedEvent.of(event)
    append(connection, run.run_id, 1, 1, [first], event.stage)
    return Accepted(run=_get(connection, run.run_id), first_event=first)


def claim(connection: apsw.Connection, run_id: str, at: datetime) -> RunRow:
    """Become the run's worker.

    Raises:
        NotFoundError: no such run.
        LogClosedError: it has ended.
    """
    run = _get(connection, run_id)
    if run.state not in LIVE_STATES:
        raise LogClosedError(_closed(run_id))
    epoch = run.epoch + 1 if run.attempts else run.epoch
    connection.execute(
        "UPDATE runs SET state = 'running', attempts = attempts + 1, epoch = ?, updated_at = ? "
        "WHERE run_id = ?",
        (epoch, time_text(at), run_id),
    )
    connection.execute(
        "UPDATE messages SET status = 'streaming', updated_at = ? WHERE id = ?",
        (time_text(at), run.assistant_message_id),
    )
    return _get(connection, run_id)


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
        _finish(connection, run_id, final)
    return last_seq


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
    run = _get(connection, run_id)
    if run.state not in LIVE_STATES:
        return run
    fold = RunFold()
    for logged in read(connection, run_id, 0, run.last_seq):
        fold.apply(logged.event)
    seq, epoch = run.last_seq + 1, run.epoch + 1
    terminal = with_facts(ending(outcome, at, error=error), fold, seq)
    terminal = msgspec.structs.replace(terminal, run_id=run_id, gen=run.gen, seq=seq, epoch=epoch)
    fold.apply(terminal)
    connection.execute("UPDATE runs SET epoch = ? WHERE run_id = ?", (epoch, run_id))
    logged = LoggedEvent.of(terminal)
    final = final_state(fold, terminal)
    append(connection, run_id, epoch, seq, [logged], terminal.stage, final=final)
    return _get(connection, run_id)


def read(connection: apsw.Connection, run_id: str, after_seq: int, limit: int) -> list[LoggedEvent]:
    """Up to `limit` events after `after_seq`.

    Raises:
        CorruptLogError: an event does not match its checksum.
    """
    run = one(connection, "SELECT id, gen FROM runs WHERE run_id = ?", (run_id,))
    if run is None:
        return []
    found = rows.rows(
        connection,
        "SELECT seq, type, data, checksum FROM events "
        "WHERE run = ? AND gen = ? AND seq > ? ORDER BY seq LIMIT ?",
        (*run, after_seq, limit),
    )
    return [rows.logged_event(run[1], row) for row in found]


def stage_results(connection: apsw.Connection, run_id: str) -> list[StageResult]:
    """What the run's finished stages have handed on, in the order they finished."""
    found = rows.rows(
        connection,
        "SELECT stage, output FROM stages "
        "WHERE run = (SELECT id FROM runs WHERE run_id = ?) ORDER BY seq",
        (run_id,),
    )
    return [
        StageResult(stage=WorkflowStage(stage), output=rows.json_object(output))
        for stage, output in found
    ]


def get(connection: apsw.Connection, run_id: str, owner: str) -> RunRow:
    """The run.

    Raises:
        NotFoundError: there is none, or it is somebody else's.
    """
    run = _get(connection, run_id)
    if run.owner != owner:
        raise NotFoundError(_unknown(run_id))
    return run


def list_newest(
    connection: apsw.Connection, owner: str, limit: int, before: str | None
) -> list[RunRow]:
    """Up to `limit` runs of `owner` older than `before`, newest first."""
    found = rows.rows(
        connection,
        f"SELECT {rows.RUN_COLUMNS} FROM runs WHERE owner = ? AND (? IS NULL OR run_id < ?) "  # noqa: S608 - a constant of ours
        "ORDER BY run_id DESC LIMIT ?",
        (owner, before, before, limit),
    )
    return [rows.run_row(row) for row in found]


def live(connection: apsw.Connection) -> list[str]:
    """The ids of all runs whose log is open, oldest first."""
    found = rows.rows(
        connection,
        "SELECT run_id FROM runs WHERE state IN ('queued', 'running', 'waiting') ORDER BY run_id",
    )
    return [row[0] for row in found]


def _get(connection: apsw.Connection, run_id: str) -> RunRow:
    row = one(
        connection,
        f"SELECT {rows.RUN_COLUMNS} FROM runs WHERE run_id = ?",  # noqa: S608 - a constant of ours
        (run_id,),
    )
    if row is None:
        raise NotFoundError(_unknown(run_id))
    return rows.run_row(row)


def _same_request(connection: apsw.Connection, run: NewRun) -> Accepted | None:
    """The run that was made for the same idempotency key, if it is not too long ago.

    Raises:
        ConflictError: it was made for another request.
    """
    if run.idempotency_key is None:
        return None
    row = one(
        connection,
        "SELECT run_id, request_sha256, created_at FROM runs "
        "WHERE owner = ? AND idempotency_key = ?",
        (run.owner, run.idempotency_key),
    )
    if row is None:
        return None
    run_id, request_sha256, created_at = row
    if datetime.fromisoformat(created_at) < run.created_at - _KEY_KEPT:
        connection.execute("UPDATE runs SET idempotency_key = NULL WHERE run_id = ?", (run_id,))
        return None
    if request_sha256 != run.request_sha256:
        msg = (
            f"the Idempotency-Key {run.idempotency_key!r} was used for another request; "
            "use a new key"
        )
        raise ConflictError(msg)
    return Accepted(run=_get(connection, run_id), first_event=read(connection, run_id, 0, 1)[0])


def _check_conversation(connection: apsw.Connection, run: NewRun) -> None:
    if run.conversation_id is None:
        return
    found = one(
        connection,
        "SELECT 1 FROM conversations WHERE id = ? AND owner = ? AND status = 'active'",
        (run.conversation_id, run.owner),
    )
    if found is None:
        msg = f"there is no conversation {run.conversation_id}; create one, or leave the id out"
        raise NotFoundError(msg)


def _create_messages(
    connection: apsw.Connection, run: NewRun, at: str
) -> tuple[int | None, int | None]:
    if run.conversation_id is None:
        return None, None
    insert = (
        "INSERT INTO messages (conversation_id, run_id, parent_message_id, role, content, status, "
        "created_at, updated_at, completed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
    )
    connection.execute(
        insert,
        (run.conversation_id, run.run_id, None, "user", run.query, "completed", at, at, at),
    )
    user = connection.last_insert_rowid()
    connection.execute(
        insert,
        (run.conversation_id, run.run_id, str(user), "assistant", "", "pending", at, at, None),
    )
    assistant = connection.last_insert_rowid()
    connection.execute(
        "UPDATE runs SET user_message_id = ?, assistant_message_id = ? WHERE run_id = ?",
        (user, assistant, run.run_id),
    )
    title = " ".join(run.query.split())[:_TITLE_CHARS]
    connection.execute(
        "UPDATE conversations SET updated_at = ?, title = coalesce(title, ?) WHERE id = ?",
        (at, title, run.conversation_id),
    )
    return user, assistant


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
    run = _get(connection, run_id)
    if run.epoch != epoch:
        msg = f"run {run_id} belongs to attempt {run.epoch} now, not {epoch}"
        raise FencedError(msg)
    written = read(connection, run_id, first_seq - 1, len(events))
    if [e.data for e in written] == [e.data for e in events]:
        return run.last_seq
    if run.state not in LIVE_STATES:
        raise LogClosedError(_closed(run_id))
    msg = f"run {run_id} is at event {run.last_seq}; events from {first_seq} do not follow it"
    raise LogConflictError(msg)


def _finish(connection: apsw.Connection, run_id: str, final: FinalState) -> None:
    at = time_text(final.finished_at)
    row = one(
        connection,
        "UPDATE runs SET state = ?, outcome = ?, error_code = ?, updated_at = ?, finished_at = ? "
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


def _unknown(run_id: str) -> str:
    return f"there is no run {run_id[:40]!r}"


def _closed(run_id: str) -> str:
    return f"run {run_id} has ended; its log takes nothing more"
