"""Floor 1: what lies between SQLite's rows and the store's types."""

import zlib
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import apsw
import msgspec

from tailrace.errors import CorruptLogError
from tailrace.events.event import JSON
from tailrace.events.logged import LoggedEvent
from tailrace.events.types import Outcome, RunKind, WorkflowStage
from tailrace.stores.base import RunRow, RunState
from tailrace.stores.conversations import Conversation, MessageRow, MessageStatus, ThinkingRow

RUN_COLUMNS: Final = (
    "run_id, owner, query, request, session_id, conversation_id, user_message_id, "
    "assistant_message_id, state, stage, gen, epoch, "
    "(SELECT coalesce(max(seq), 0) FROM events WHERE run = runs.id AND gen = runs.gen), "
    "attempts, outcome, error_code, created_at, updated_at, finished_at, trimmed_seq, kind"
)
CONVERSATION_COLUMNS: Final = (
    "id, owner, title, user_id, page_name, status, metadata, created_at, updated_at"
)
MESSAGE_COLUMNS: Final = (  # of `messages AS m`
    "m.id, m.conversation_id, m.parent_message_id, m.run_id, m.role, m.content, m.status, "
    "m.token_count, m.metadata, m.latency_ms, m.error_message, m.created_at, m.updated_at, "
    "m.completed_at, "
    "(SELECT outcome FROM runs WHERE assistant_message_id = m.id AND run_id = m.run_id), "
    "(SELECT error_code FROM runs WHERE assistant_message_id = m.id AND run_id = m.run_id)"
)
THINKING_COLUMNS: Final = "id, message_id, content, stage, progress, sequence, created_at"

Row = tuple[Any, ...]
"""A row as the driver gives it; each reader below knows its columns."""

T = TypeVar("T")


def time_text(at: datetime) -> str:
    """An aware time as the database keeps it: ISO 8601, UTC, microseconds, sortable as text."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def json_text(value: object) -> str:
    """A JSON value as the database keeps it."""
    return msgspec.json.encode(value).decode()


def json_object(text: str) -> dict[str, JSON]:
    """The JSON object kept as `text`."""
    return msgspec.json.decode(text, type=dict[str, Any])


def checksum(data: bytes) -> int:
    """The CRC-32 that stands beside an event's bytes."""
    return zlib.crc32(data)


def one(connection: apsw.Connection, sql: str, bindings: Iterable[object] = ()) -> Row | None:
    """The first row, or None."""
    return connection.execute(sql, tuple(bindings)).fetchone()  # pyright: ignore[reportArgumentType]  # values come from our own rows


def rows(connection: apsw.Connection, sql: str, bindings: Iterable[object] = ()) -> list[Row]:
    """All rows."""
    return connection.execute(sql, tuple(bindings)).fetchall()  # pyright: ignore[reportArgumentType, reportUnknownVariableType]  # values come from our own rows


def run_row(row: Row) -> RunRow:
    """A run, from `RUN_COLUMNS`."""
    return RunRow(
        run_id=row[0],
        owner=row[1],
        query=row[2],
        request=json_object(row[3]),
        session_id=row[4],
        conversation_id=row[5],
        user_message_id=row[6],
        assistant_message_id=row[7],
        state=RunState(row[8]),
        stage=WorkflowStage(row[9]),
        gen=row[10],
        epoch=row[11],
        last_seq=row[12],
        attempts=row[13],
        outcome=Outcome(row[14]) if row[14] else None,
        error_code=row[15],
        created_at=datetime.fromisoformat(row[16]),
        updated_at=datetime.fromisoformat(row[17]),
        finished_at=_time(row[18]),
        trimmed_seq=row[19],
        kind=RunKind(row[20]),
    )


def logged_event(gen: int, row: Row) -> LoggedEvent:
    """An event, from `seq, type, data, checksum`.

    Raises:
        CorruptLogError: the bytes are not those that were written.
    """
    seq, type_, data, expected = row
    if checksum(data) != expected:
        msg = f"event {gen}-{seq} does not match its checksum; restore a backup"
        raise CorruptLogError(msg)
    return LoggedEvent(gen, seq, type_, data)


def conversation(row: Row) -> Conversation:
    """A conversation, from `CONVERSATION_COLUMNS`."""
    return Conversation(
        id=row[0],
        owner=row[1],
        title=row[2],
        user_id=row[3],
        page_name=row[4],
        status=row[5],
        metadata=json_object(row[6]),
        created_at=datetime.fromisoformat(row[7]),
        updated_at=datetime.fromisoformat(row[8]),
    )


def thinking(row: Row) -> ThinkingRow:
    """A status kept with a message, from `THINKING_COLUMNS`."""
    return ThinkingRow(
        id=row[0],
        message_id=row[1],
        content=row[2],
        stage=row[3],
        progress=row[4],
        sequence=row[5],
        created_at=datetime.fromisoformat(row[6]),
    )


def message(row: Row, thoughts: Iterable[ThinkingRow]) -> MessageRow:
    """A message, from `MESSAGE_COLUMNS`."""
    return MessageRow(
        id=row[0],
        conversation_id=row[1],
        parent_message_id=row[2],
        run_id=row[3],
        role=row[4],
        content=row[5],
        status=MessageStatus(row[6]),
        token_count=row[7],
        metadata=json_object(row[8]),
        latency_ms=row[9],
        error_message=row[10],
        thinking=tuple(thoughts),
        created_at=datetime.fromisoformat(row[11]),
        updated_at=datetime.fromisoformat(row[12]),
        completed_at=_time(row[13]),
        outcome=Outcome(row[14]) if row[14] else None,
        error_code=row[15],
    )


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
