"""Floor 1: conversations and messages in SQLite."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import apsw
import msgspec

from tailrace.errors import NotFoundError
from tailrace.events.event import JSON
from tailrace.events.fold import RunFold
from tailrace.stores.conversations import Conversation, MessageRow, MessageStatus, ThinkingRow
from tailrace.stores.final import message_metadata
from tailrace.stores.sqlite import logs, rows
from tailrace.stores.sqlite.rows import one, time_text

_HISTORY: Final = 200
_MAX_MESSAGES: Final = 10_000
_MAX_EVENTS: Final = 1_000_000
_OPEN: Final = frozenset({MessageStatus.PENDING, MessageStatus.STREAMING})


def create(
    connection: apsw.Connection, owner: str, page_name: str, metadata: dict[str, JSON], at: datetime
) -> Conversation:
    """A new, empty conversation."""
    now = time_text(at)
    connection.execute(
        "INSERT INTO conversations (owner, page_name, metadata, created_at, updated_at) "
        "VALUES (?, ?, ?, ?, ?)",
        (owner, page_name, rows.json_text(metadata), now, now),
    )
    return get(connection, connection.last_insert_rowid(), owner)


def get(connection: apsw.Connection, conversation_id: int, owner: str) -> Conversation:
    """The conversation, a deleted one too.

    Raises:
        NotFoundError: there is none, or it is somebody else's.
    """
    row = one(
        connection,
        f"SELECT {rows.CONVERSATION_COLUMNS} FROM conversations WHERE id = ? AND owner = ?",  # noqa: S608 - a constant of ours
        (conversation_id, owner),
    )
    if row is None:
        msg = f"there is no conversation {conversation_id}"
        raise NotFoundError(msg)
    return rows.conversation(row)


def list_page(
    connection: apsw.Connection,
    owner: str,
    limit: int,
    offset: int,
    page_name: str | None,
    status: str,
) -> tuple[list[Conversation], int]:
    """A page, last used first, and the true total."""
    where = "owner = ? AND status = ? AND (? IS NULL OR page_name = ?)"
    bindings = (owner, status, page_name, page_name)
    found = rows.rows(
        connection,
        f"SELECT {rows.CONVERSATION_COLUMNS} FROM conversations WHERE {where} "  # noqa: S608 - constants of ours
        "ORDER BY updated_at DESC, id DESC LIMIT ? OFFSET ?",
        (*bindings, limit, offset),
    )
    total = one(connection, f"SELECT count(*) FROM conversations WHERE {where}", bindings)  # noqa: S608 - a constant of ours
    return [rows.conversation(row) for row in found], total[0] if total else 0


def list_messages(
    connection: apsw.Connection, conversation_id: int, owner: str
) -> list[MessageRow]:
    """All messages in order; empty for an unknown conversation."""
    found = rows.rows(
        connection,
        f"SELECT {_columns('m')} FROM messages m "  # noqa: S608 - a constant of ours
        "JOIN conversations c ON c.id = m.conversation_id "
        "WHERE m.conversation_id = ? AND c.owner = ? ORDER BY m.id LIMIT ?",
        (conversation_id, owner, _MAX_MESSAGES),
    )
    return _messages(connection, found)


def get_message(connection: apsw.Connection, message_id: int, owner: str) -> MessageRow:
    """The message.

    Raises:
        NotFoundError: there is none, or it is somebody else's.
    """
    found = rows.rows(
        connection,
        f"SELECT {_columns('m')} FROM messages m "  # noqa: S608 - a constant of ours
        "JOIN conversations c ON c.id = m.conversation_id WHERE m.id = ? AND c.owner = ?",
        (message_id, owner),
    )
    if not found:
        msg = f"there is no message {message_id}"
        raise NotFoundError(msg)
    return _messages(connection, found)[0]


def history(
    connection: apsw.Connection, conversation_id: int, before_message_id: int
) -> list[MessageRow]:
    """The newest ended messages with text before that message, in order."""
    found = rows.rows(
        connection,
        f"SELECT {rows.MESSAGE_COLUMNS} FROM messages WHERE conversation_id = ? AND id < ? "  # noqa: S608 - a constant of ours
        "AND content <> '' AND status NOT IN ('pending', 'streaming') ORDER BY id DESC LIMIT ?",
        (conversation_id, before_message_id, _HISTORY),
    )
    return [rows.message(row, ()) for row in reversed(found)]


def _columns(table: str) -> str:
    return ", ".join(f"{table}.{name}" for name in rows.MESSAGE_COLUMNS.split(", "))


def _messages(connection: apsw.Connection, found: Sequence[rows.Row]) -> list[MessageRow]:
    if not found:
        return []
    thoughts: defaultdict[int, list[ThinkingRow]] = defaultdict(list)
    for row in rows.rows(
        connection,
        f"SELECT {rows.THINKING_COLUMNS} FROM message_thinking "  # noqa: S608 - a constant of ours
        "WHERE message_id BETWEEN ? AND ? ORDER BY message_id, sequence",
        (found[0][0], found[-1][0]),
    ):
        thoughts[row[1]].append(rows.thinking(row))
    messages = [rows.message(row, thoughts[row[0]]) for row in found]
    return [_so_far(connection, message) for message in messages]


def _so_far(connection: apsw.Connection, message: MessageRow) -> MessageRow:
    """An assistant message of a live run, with what its log holds so far."""
    if message.status not in _OPEN or message.run_id is None:
        return message
    fold = RunFold()
    for logged in logs.read(connection, message.run_id, 0, _MAX_EVENTS):
        fold.apply(logged.event)
    return msgspec.structs.replace(
        message,
        content=fold.text,
        metadata=message_metadata(fold),
        thinking=tuple(
            ThinkingRow(
                id=0,
                message_id=message.id,
                content=status.content,
                stage=status.stage.value if status.stage else None,
                progress=status.progress,
                sequence=sequence,
                created_at=status.timestamp,
            )
            for sequence, status in enumerate(fold.thinking, start=1)
        ),
    )
