"""Floor 1: compares what a database holds with its checksums, without changing it. Blocking.

Rule 1: it may be in use meanwhile; what is looked at is one moment of it.
Rule 2: with a budget of time, the newest comes first, and what was not reached is said.
"""

import hashlib
from pathlib import Path
from typing import Final

import apsw
import msgspec

from tailrace._clock import SYSTEM_CLOCK
from tailrace.errors import StoreError
from tailrace.stores.base import LIVE_STATES
from tailrace.stores.damage import DamagedAnswer, DamagedRun, Integrity
from tailrace.stores.sqlite.rows import checksum, one, rows

_STEPS: Final = 20_000  # of SQLite's machine between two looks at the clock
_EVENTS: Final = "SELECT run, seq, data, checksum FROM events ORDER BY run DESC, gen DESC, seq DESC"
_ANSWERS: Final = (
    "SELECT m.id, m.conversation_id, m.run_id, m.content, e.data, e.checksum FROM messages AS m "
    "JOIN runs AS r ON r.assistant_message_id = m.id AND r.run_id = m.run_id "
    "JOIN events AS e ON e.run = r.id AND e.gen = r.gen AND e.seq = "
    "(SELECT max(seq) FROM events WHERE run = r.id AND gen = r.gen) "
    "WHERE r.finished_at IS NOT NULL ORDER BY m.id DESC"
)
_SNAPSHOTS: Final = (
    "SELECT r.run_id, s.data, s.checksum FROM snapshots AS s JOIN runs AS r ON r.id = s.run "
    "ORDER BY s.run DESC"
)
_MOST: Final = 1_000


class _Facts(msgspec.Struct):
    content_sha256: str


class _Terminal(msgspec.Struct):
    metadata: _Facts


class _Tally:
    def __init__(self) -> None:
        self.events = 0
        self.answers = 0
        self.loose_rows = 0
        self.runs: dict[int, tuple[int, int]] = {}  # the first damaged event, and how many
        self.damaged_answers: list[DamagedAnswer] = []
        self.damaged_snapshots: list[str] = []


def check(path: Path, budget_s: float | None = None) -> Integrity:
    """What is wrong with the database at `path`; without a budget, all of it is looked at.

    Raises:
        StoreError: it cannot be opened.
    """
    until = None if budget_s is None else SYSTEM_CLOCK.monotonic_s() + budget_s
    try:
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    except apsw.Error as exc:
        msg = f"{path} cannot be read as a database"
        raise StoreError(msg) from exc
    tally, complete, unreadable = _Tally(), True, False
    try:
        if until is not None:
            connection.set_progress_handler(lambda: SYSTEM_CLOCK.monotonic_s() >= until, _STEPS)
        connection.execute("BEGIN")  # one moment for all that follows
        _check_events(connection, tally)
        _check_answers(connection, tally)
        _check_snapshots(connection, tally)
        _check_references(connection, tally)
    except apsw.InterruptError:
        complete = False
    except apsw.Error:
        unreadable = True
    try:
        connection.set_progress_handler(None)
        damaged = _damaged_runs(connection, tally)
    except apsw.Error:
        damaged, unreadable = (), True
    finally:
        connection.close()
    return Integrity(
        events=tally.events,
        answers=tally.answers,
        complete=complete,
        unreadable=unreadable,
        loose_rows=tally.loose_rows,
        damaged_runs=damaged,
        damaged_answers=tuple(tally.damaged_answers),
        damaged_snapshots=tuple(tally.damaged_snapshots),
    )


def _check_events(connection: apsw.Connection, tally: _Tally) -> None:
    for run, seq, data, expected in connection.execute(_EVENTS):
        tally.events += 1
        if checksum(data) != expected and (run in tally.runs or len(tally.runs) < _MOST):
            _, count = tally.runs.get(run, (seq, 0))
            tally.runs[run] = (seq, count + 1)


def _check_answers(connection: apsw.Connection, tally: _Tally) -> None:
    for message_id, conversation_id, run_id, content, data, sum_ in connection.execute(_ANSWERS):
        tally.answers += 1
        if checksum(data) != sum_:
            continue  # the hash itself is not what was written; the event is counted already
        expected = msgspec.json.decode(data, type=_Terminal).metadata.content_sha256
        found = hashlib.sha256(content.encode()).hexdigest()
        if found != expected and len(tally.damaged_answers) < _MOST:
            tally.damaged_answers.append(
                DamagedAnswer(message_id=message_id, conversation_id=conversation_id, run_id=run_id)
            )


def _check_snapshots(connection: apsw.Connection, tally: _Tally) -> None:
    if one(connection, "SELECT 1 FROM sqlite_schema WHERE name = 'snapshots'") is None:
        return  # a home that has not been opened since there are any
    for run_id, data, expected in connection.execute(_SNAPSHOTS):
        if checksum(data) != expected and len(tally.damaged_snapshots) < _MOST:
            tally.damaged_snapshots.append(run_id)


def _check_references(connection: apsw.Connection, tally: _Tally) -> None:
    for _ in connection.execute("PRAGMA foreign_key_check"):
        tally.loose_rows += 1


def _damaged_runs(connection: apsw.Connection, tally: _Tally) -> tuple[DamagedRun, ...]:
    found: list[DamagedRun] = []
    for run, (first_seq, count) in tally.runs.items():
        row = one(
            connection,
            "SELECT run_id, conversation_id, assistant_message_id, state FROM runs WHERE id = ?",
            (run,),
        )
        if row is None:
            continue  # a loose row, and counted as one
        found.append(
            DamagedRun(
                run_id=row[0],
                conversation_id=row[1],
                message_id=row[2],
                first_seq=first_seq,
                events=count,
                is_live=row[3] in LIVE_STATES,
            )
        )
    return tuple(found)


def is_sound(connection: apsw.Connection) -> bool:
    """Whether SQLite finds nothing wrong with the file's own structure."""
    return rows(connection, "PRAGMA quick_check(1)") == [("ok",)]
