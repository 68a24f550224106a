"""Floor 1: runs in SQLite, and the messages made with them.

Every function that writes is an operation of `Database`: a pure function of the connection.
"""

from datetime import datetime, timedelta
from typing import Final

import apsw

from tailrace.errors import ConflictError, InvalidRequestError, NotFoundError
from tailrace.events.logged import LoggedEvent
from tailrace.events.opening import opening
from tailrace.events.types import RunKind
from tailrace.stores.base import LIVE_STATES, Accepted, NewRun, RunRow
from tailrace.stores.sqlite import conversations, rows
from tailrace.stores.sqlite.leases import lease_end
from tailrace.stores.sqlite.logs import append, run_of, unknown
from tailrace.stores.sqlite.rows import one, time_text

_KEY_KEPT: Final = timedelta(hours=24)


def create(connection: apsw.Connection, run: NewRun, leased_at: datetime) -> Accepted:
    """Make the run, its messages and event 1.

    Raises:
        NotFoundError: no such conversation, or no such run to try again.
        ConflictError: the run to try again has not ended, or is not the newest any more; or the
            conversation is busy, and the run is only wanted where it is not.
        InvalidRequestError: the idempotency key, or the run to try again, had another request.
    """
    known = _same_request(connection, run)
    if known is not None:
        return known
    _check_conversation(connection, run)
    _check_not_busy(connection, run)
    question = _question_of_retried(connection, run)
    at = time_text(run.created_at)
    connection.execute(
        "INSERT INTO runs (run_id, owner, query, request, request_sha256, idempotency_key, "
        "session_id, conversation_id, state, stage, epoch, created_at, updated_at, worker, "
        "lease_until, kind) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'queued', 'init', 1, ?, ?, ?, ?, ?)",
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
            run.worker,
            None if run.worker is None else lease_end(leased_at, run.lease_s),
            run.kind,
        ),
    )
    user, assistant = _create_messages(connection, run, question, at)
    first = _opening(run, user, assistant)
    append(connection, run.run_id, 1, 1, [first], first.event.stage)
    return Accepted(run=run_of(connection, run.run_id), first_event=first)


def get(connection: apsw.Connection, run_id: str, owner: str) -> RunRow:
    """The run.

    Raises:
        NotFoundError: there is none, or it is somebody else's.
    """
    run = run_of(connection, run_id)
    if run.owner != owner:
        raise NotFoundError(unknown(run_id))
    return run


def list_newest(
    connection: apsw.Connection,
    owner: str,
    limit: int,
    before: str | None,
    kind: RunKind | None = None,
) -> list[RunRow]:
    """Up to `limit` runs of `owner` older than `before`, of one kind or of all, newest first."""
    found = rows.rows(
        connection,
        f"SELECT {rows.RUN_COLUMNS} FROM runs WHERE owner = ? AND (? IS NULL OR run_id < ?) "  # noqa: S608 - a constant of ours
        "AND (? IS NULL OR kind = ?) ORDER BY run_id DESC LIMIT ?",
        (owner, before, before, kind, kind, limit),
    )
    return [rows.run_row(row) for row in found]


def _same_request(connection: apsw.Connection, run: NewRun) -> Accepted | None:
    """The run that was made for the same idempotency key, if it is not too long ago.

    Raises:
        InvalidRequestError: it was made for another request.
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
        raise InvalidRequestError(msg)
    found = run_of(connection, run_id)
    first = _opening(found, found.user_message_id, found.assistant_message_id)
    return Accepted(run=found, first_event=first)


def _opening(run: NewRun | RunRow, user: int | None, assistant: int | None) -> LoggedEvent:
    """Event 1 of the run, which is the same whenever it is made: it may have been let go of."""
    return LoggedEvent.of(
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


def _check_not_busy(connection: apsw.Connection, run: NewRun) -> None:
    if run.conversation_id is None or not run.unless_busy:
        return
    busy = one(
        connection,
        "SELECT run_id FROM runs WHERE conversation_id = ? AND state IN ('queued', 'running')",
        (run.conversation_id,),
    )
    if busy is not None:
        msg = (
            f"run {busy[0]} of this conversation has not ended; wait for its end, stop it, or send "
            "`on_conflict`: `enqueue` or `interrupt`"
        )
        raise ConflictError(msg)


def _question_of_retried(connection: apsw.Connection, run: NewRun) -> int | None:
    """The message that the run which is tried again answered; None where `run` is no retry.

    Raises:
        NotFoundError: there is no such run in this conversation.
        ConflictError: it has not ended, or something came after it.
        InvalidRequestError: it answered another question.
    """
    if run.retry_of is None:
        return None
    row = one(
        connection,
        "SELECT state, query, user_message_id, assistant_message_id, (SELECT max(m.id) "
        "FROM messages AS m WHERE m.conversation_id = runs.conversation_id) "
        "FROM runs WHERE run_id = ? AND owner = ? AND conversation_id = ?",
        (run.retry_of, run.owner, run.conversation_id),
    )
    if row is None:
        msg = f"{unknown(run.retry_of)} in this conversation to try again"
        raise NotFoundError(msg)
    state, query, question, answer, newest = row
    if state in LIVE_STATES:
        msg = f"run {run.retry_of} has not ended; stop it first"
        raise ConflictError(msg)
    if answer != newest:
        msg = f"run {run.retry_of} is not the newest of its conversation any more; ask anew"
        raise ConflictError(msg)
    if query != run.query:
        msg = f"run {run.retry_of} answered another question; leave `retry_of` out to ask this one"
        raise InvalidRequestError(msg)
    return question


def _create_messages(
    connection: apsw.Connection, run: NewRun, question: int | None, at: str
) -> tuple[int | None, int | None]:
    """The messages of the run: the one it answers, made unless it is `question`, and its answer."""
    if run.conversation_id is None:
        return None, None
    insert = (
        "INSERT INTO messages (conversation_id, run_id, parent_message_id, role, content, status, "
        "created_at, updated_at, completed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
    )
    if question is None:
        connection.execute(
            insert,
            (run.conversation_id, run.run_id, None, "user", run.query, "completed", at, at, at),
        )
        question = connection.last_insert_rowid()
    connection.execute(
        insert,
        (run.conversation_id, run.run_id, str(question), "assistant", "", "pending", at, at, None),
    )
    assistant = connection.last_insert_rowid()
    connection.execute(
        "UPDATE runs SET user_message_id = ?, assistant_message_id = ? WHERE run_id = ?",
        (question, assistant, run.run_id),
    )
    conversations.use(connection, run.conversation_id, run.owner, run.created_at, run.query)
    return question, assistant
