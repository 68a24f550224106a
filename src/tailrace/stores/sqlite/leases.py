"""Floor 1: whose a run is, in SQLite: claimed, renewed, given back, lost.

Every function that writes is an operation of `Database`: a pure function of the connection.
"""

from datetime import datetime, timedelta
from typing import Final

import apsw

from tailrace.errors import FencedError, LeasedError, LogClosedError
from tailrace.events.logged import LoggedEvent
from tailrace.stores.base import LIVE_STATES, LostRuns, RunRow, RunState
from tailrace.stores.sqlite import logs, rows
from tailrace.stores.sqlite.rows import one, time_text

_HOLDER: Final = "SELECT worker, lease_until FROM runs WHERE run_id = ?"
_FREE: Final = "(lease_until IS NULL OR lease_until <= ?)"


def lease_end(at: datetime, lease_s: float) -> str:
    """When a lease of `lease_s` ends, as the database keeps it."""
    return time_text(at + timedelta(seconds=lease_s))


def claim(
    connection: apsw.Connection, run_id: str, worker: str, lease_s: float, at: datetime
) -> RunRow:
    """Become the run's worker.

    Raises:
        NotFoundError: no such run.
        LeasedError: another worker holds it, or it waits for its user.
        LogClosedError: it has ended.
    """
    run = logs.run_of(connection, run_id)
    if run.state not in LIVE_STATES:
        raise LogClosedError(logs.closed(run_id))
    if run.state is RunState.WAITING:
        msg = f"run {run_id} waits for its user; it goes on with their answer"
        raise LeasedError(msg)
    holder, until = one(connection, _HOLDER, (run_id,)) or (None, None)
    if holder not in (None, worker) and until is not None and until > time_text(at):
        msg = f"run {run_id} is another worker's until {until}"
        raise LeasedError(msg)
    is_first = not run.attempts and run.last_seq == 1 and holder in (None, worker)
    epoch = run.epoch if is_first else run.epoch + 1
    connection.execute(
        "UPDATE runs SET state = 'running', attempts = attempts + 1, epoch = ?, worker = ?, "
        "lease_until = ?, updated_at = ? WHERE run_id = ?",
        (epoch, worker, lease_end(at, lease_s), time_text(at), run_id),
    )
    connection.execute(
        "UPDATE messages SET status = 'streaming', updated_at = ? WHERE id = ?",
        (time_text(at), run.assistant_message_id),
    )
    return logs.run_of(connection, run_id)


def heartbeat(
    connection: apsw.Connection, run_id: str, epoch: int, lease_s: float, at: datetime
) -> None:
    """Renew the run's lease.

    Raises:
        NotFoundError: no such run.
        FencedError: another attempt owns it, or it was given back.
        LogClosedError: it has ended.
    """
    renewed = one(
        connection,
        "UPDATE runs SET lease_until = ? WHERE run_id = ? AND epoch = ? AND worker IS NOT NULL "
        "AND state IN ('queued', 'running') RETURNING id",
        (lease_end(at, lease_s), run_id, epoch),
    )
    if renewed is not None:
        return
    run = logs.run_of(connection, run_id)
    if run.epoch != epoch:
        msg = f"run {run_id} belongs to attempt {run.epoch} now, not {epoch}"
        raise FencedError(msg)
    if run.state not in LIVE_STATES:
        raise LogClosedError(logs.closed(run_id))
    if run.state is not RunState.WAITING:
        msg = f"run {run_id} was given back; claim it again"
        raise FencedError(msg)


def release(connection: apsw.Connection, run_id: str, epoch: int, at: datetime) -> None:
    """Give the run back, if it is in the queue or at work under `epoch`."""
    row = one(
        connection,
        "UPDATE runs SET attempts = attempts - (state = 'running'), state = 'queued', "
        "worker = NULL, lease_until = NULL, updated_at = ? WHERE run_id = ? AND epoch = ? "
        "AND state IN ('queued', 'running') RETURNING assistant_message_id",
        (time_text(at), run_id, epoch),
    )
    if row is not None:
        connection.execute(
            "UPDATE messages SET status = 'pending', updated_at = ? WHERE id = ?",
            (time_text(at), row[0]),
        )


def resume(
    connection: apsw.Connection,
    run_id: str,
    event: LoggedEvent,
    worker: str,
    lease_s: float,
    at: datetime,
) -> int:
    """Go on with a run that waits, as its worker, with `event` as the first of its epoch.

    Raises:
        NotFoundError: no such run.
        FencedError: another attempt owns it.
        LogClosedError: it has ended.
        LogConflictError: it does not wait, or the event does not follow its log.
    """
    last_seq = logs.resume(connection, run_id, event)
    connection.execute(
        "UPDATE runs SET worker = ?, lease_until = ? WHERE run_id = ? AND state = 'running'",
        (worker, lease_end(at, lease_s), run_id),
    )
    return last_seq


def lost(connection: apsw.Connection, worker: str, limit: int, at: datetime) -> LostRuns:
    """Up to `limit` runs that nobody holds, and when the next lease of another worker ends."""
    found = rows.rows(
        connection,
        f"SELECT {rows.RUN_COLUMNS} FROM runs WHERE state IN ('queued', 'running') "  # noqa: S608 - constants of ours
        f"AND {_FREE} ORDER BY run_id LIMIT ?",
        (time_text(at), limit),
    )
    row = one(
        connection,
        "SELECT min(lease_until) FROM runs WHERE state IN ('queued', 'running') "
        "AND lease_until > ? AND worker IS NOT ?",
        (time_text(at), worker),
    )
    until = row[0] if row else None
    return LostRuns(
        runs=[rows.run_row(each) for each in found],
        next_end_s=(datetime.fromisoformat(until) - at).total_seconds() if until else None,
    )


def live(connection: apsw.Connection, worker: str | None, at: datetime) -> list[RunRow]:
    """All runs whose log is open, oldest first; not those held by others than `worker`."""
    found = rows.rows(
        connection,
        f"SELECT {rows.RUN_COLUMNS} FROM runs "  # noqa: S608 - constants of ours
        "WHERE state IN ('queued', 'running', 'waiting') "
        f"AND (? IS NULL OR worker IS ? OR {_FREE}) ORDER BY run_id",
        (worker, worker, time_text(at)),
    )
    return [rows.run_row(row) for row in found]
