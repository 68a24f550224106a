"""Floor 1: what runs that have ended amount to, in SQLite.

Every function that writes is an operation of `Database`: a pure function of the connection.
"""

from typing import Final

import apsw

from tailrace.events.fold import RunFold
from tailrace.events.logged import LoggedEvent
from tailrace.events.types import EventType
from tailrace.stores.sqlite import rows
from tailrace.stores.sqlite.rows import one

_KEEP: Final = (
    "INSERT OR REPLACE INTO snapshots (run, gen, seq, data, checksum) "
    "SELECT id, gen, ?, ?, ? FROM runs WHERE "
)


def keep(connection: apsw.Connection, run_id: str, data: bytes, seq: int) -> None:
    """Keep what the run amounts to after its event `seq`."""
    connection.execute(_KEEP + "run_id = ?", (seq, data, rows.checksum(data), run_id))


def get(connection: apsw.Connection, run_id: str) -> LoggedEvent | None:
    """What the run amounts to; None where it was not kept.

    Raises:
        CorruptLogError: it does not match its checksum.
    """
    row = one(
        connection,
        "SELECT s.gen, s.seq, s.data, s.checksum FROM snapshots AS s "
        "JOIN runs ON runs.id = s.run WHERE runs.run_id = ?",
        (run_id,),
    )
    if row is None:
        return None
    gen, seq, data, checksum = row
    return rows.logged_event(gen, (seq, EventType.SNAPSHOT.value, data, checksum))


def missing(connection: apsw.Connection, run_id: str) -> LoggedEvent | None:
    """What a run that has ended amounts to, where an older Tailrace did not keep it; else None.

    Raises:
        CorruptLogError: an event does not match its checksum.
    """
    row = one(
        connection,
        "SELECT id, gen FROM runs WHERE run_id = ? "
        "AND NOT EXISTS (SELECT 1 FROM snapshots WHERE run = runs.id)",
        (run_id,),
    )
    if row is None:
        return None
    fold = RunFold()
    for found in connection.execute(
        "SELECT seq, type, data, checksum FROM events WHERE run = ? AND gen = ? ORDER BY seq", row
    ):
        fold.apply(rows.logged_event(row[1], found).event)
    return fold.snapshot()
