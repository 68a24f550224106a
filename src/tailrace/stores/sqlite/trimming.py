"""Floor 1: lets go of the events of runs that ended long ago, in SQLite.

Every function that writes is an operation of `Database`: a pure function of the connection.
"""

from datetime import datetime
from typing import Final, NamedTuple

import apsw

from tailrace.errors import CorruptLogError
from tailrace.events.logged import LoggedEvent
from tailrace.stores.retention import Trimmed
from tailrace.stores.sqlite import snapshots
from tailrace.stores.sqlite.rows import one, rows, time_text

_OLD: Final = (
    "finished_at < ? AND finished_at IS NOT NULL AND trimmed_at IS NULL "
    "AND (? IS NULL OR owner = ?)"
)
_LAST: Final = "(SELECT max(seq) FROM events WHERE run = runs.id AND gen = runs.gen)"


class Next(NamedTuple):
    """A run whose events go next; `snapshot` is what is kept instead, where nothing is yet."""

    run_id: str
    snapshot: LoggedEvent | None


def oldest(
    connection: apsw.Connection, before: datetime, owner: str | None, passed_over: set[str]
) -> Next | None:
    """The run whose events go next; None where there is none.

    One that is damaged is passed over, and remembered: what is kept of it could not be made.
    """
    sql = f"SELECT run_id FROM runs WHERE {_OLD} ORDER BY finished_at LIMIT ?"  # noqa: S608 - a constant of ours
    while True:
        bindings = (time_text(before), owner, owner, len(passed_over) + 1)
        found = [row[0] for row in rows(connection, sql, bindings) if row[0] not in passed_over]
        if not found:
            return None
        try:
            return Next(found[0], snapshots.missing(connection, found[0]))
        except CorruptLogError:
            passed_over.add(found[0])


def trim(connection: apsw.Connection, what: Next, limit: int, at: datetime) -> Trimmed:
    """Delete up to `limit` events of the run, which has ended; its terminal event stays."""
    row = one(
        connection,
        f"SELECT id, gen, trimmed_seq, {_LAST} FROM runs "  # noqa: S608 - a constant of ours
        "WHERE run_id = ? AND finished_at IS NOT NULL AND trimmed_at IS NULL",
        (what.run_id,),
    )
    if row is None:
        return Trimmed(runs=0, events=0, done=False)
    run, gen, trimmed, last = row
    if what.snapshot is not None:
        snapshots.keep(connection, what.run_id, what.snapshot.data, what.snapshot.seq)
    until = min(trimmed + limit, last - 1)
    connection.execute(
        "DELETE FROM events WHERE run = ? AND gen = ? AND seq <= ?", (run, gen, until)
    )
    whole = until == last - 1
    connection.execute(
        "UPDATE runs SET trimmed_seq = ?, trimmed_at = ? WHERE id = ?",
        (until, time_text(at) if whole else None, run),
    )
    if whole:
        connection.execute("DELETE FROM stages WHERE run = ?", (run,))
    return Trimmed(runs=int(whole), events=until - trimmed, done=False)


def trimmable(connection: apsw.Connection, before: datetime, owner: str | None) -> Trimmed:
    """What is old enough to go."""
    found = rows(
        connection,
        f"SELECT {_LAST} - 1 - trimmed_seq FROM runs WHERE {_OLD}",  # noqa: S608 - constants of ours
        (time_text(before), owner, owner),
    )
    return Trimmed(runs=len(found), events=sum(row[0] for row in found), done=True)
