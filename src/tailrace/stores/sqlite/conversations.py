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
from tailrace.stores.base import RunRow
from tailrace.stores.conversations import (
    OPEN_STATUSES,
    Conversation,
    MessageRow,
    ThinkingRow,
)
from tailrace.stores.final import message_metadata
from tailrace.stores.sqlite import logs, rows
from tailrace.stores.sqlite.rows import one, time_text

_HISTORY: Final = 200
_MAX_MESSAGES: Final = 10_000
_MAX_EVENTS: Final = 1_000_000
_DELETED: Final = "deleted"
_TITLE_CHARS: Final = 50
_ANSWERED_AGAIN: Final = """
  AND NOT EXISTS (SELECT 1 FROM messages AS later WHERE later.conversation_id = m.conversation_id
    AND later.id > m.id AND later.parent_message_id = m.parent_message_id
    AND later.run_id IS NOT NULL AND m.run_id IS NOT NULL AND later.content <> '')
"""


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


def rename(
    connection: apsw.Connection, conversation_id: int, owner: str, title: str, at: datetime
) -> Conversation:
    """The conversation under its new title.

    Raises:
        NotFoundError: there is none, it is deleted, or it is somebody else's.
    """
    renamed = one(
        connection,
        "UPDATE conversations SET title = ?, updated_at = ? "
        "WHERE id = ? AND owner = ? AND status = 'active' RETURNING id",
        (title, time_text(at), conversation_id, owner),
    )
    if renamed is None:
        raise NotFoundError(_gone(conversation_id))
    return get(connection, conversation_id, owner)


def delete(connection: apsw.Connection, conversation_id: int, owner: str, at: datetime) -> None:
    """Mark the conversation as deleted.

    Raises:
        NotFoundError: there is none, or it is somebody else's.
    """
    if get(connection, conversation_id, owner).status != _DELETED:
        connection.execute(
            "UPDATE conversations SET status = ?, updated_at = ? WHERE id = ?",
            (_DELETED, time_text(at), conversation_id),
        )


def use(
    connection: apsw.Connection,
    conversation_id: int,
    owner: str,
    at: datetime,
    title_from: str = "",
) -> None:
    """Say that it was used at `at`; without a title, it takes the first words of `title_from`.

    Raises:
        NotFoundError: there is none, it is deleted, or it is somebody else's.
    """
    used = one(
        connection,
        "UPDATE conversations SET updated_at = ?, title = coalesce(title, ?) "
        "WHERE id = ? AND owner = ? AND status = 'active' RETURNING id",
        (time_text(at), title_of(title_from), conversation_id, owner),
    )
    if used is None:
        raise NotFoundError(_gone(conversation_id))


def list_runs(
    connection: apsw.Connection, conversation_id: int, after: str | None, limit: int
) -> list[RunRow]:
    """Up to `limit` runs of the conversation after the run `after`, oldest first."""
    found = rows.rows(
        connection,
        f"SELECT {rows.RUN_COLUMNS} FROM runs WHERE conversation_id = ? "  # noqa: S608 - a constant of ours
        "AND id > coalesce((SELECT id FROM runs WHERE run_id = ?), 0) ORDER BY id LIMIT ?",
        (conversation_id, after, limit),
    )
    return [rows.run_row(row) for row in found]


def title_of(question: str) -> str | None:
    """What a conversation is called that begins with `question`; None where that is empty."""
    return " ".join(question.split())[:_TITLE_CHARS] or None


def list_messages(
    connection: apsw.Connection, conversation_id: int, owner: str
) -> list[MessageRow]:
    """All messages in order; empty for an unknown conversation."""
    found = rows.rows(
        connection,
        f"SELECT {rows.MESSAGE_COLUMNS} FROM messages AS m "  # noqa: S608 - a constant of ours
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
        f"SELECT {rows.MESSAGE_COLUMNS} FROM messages AS m "  # noqa: S608 - a constant of ours
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
    """The newest ended messages with text before that message, in order; no answer twice."""
    found = rows.rows(
        connection,
        f"SELECT {rows.MESSAGE_COLUMNS} FROM messages AS m WHERE conversation_id = ? AND id < ? "  # noqa: S608 - constants of ours
        f"AND content <> '' AND status NOT IN ('pending', 'streaming') {_ANSWERED_AGAIN} "
        "ORDER BY id DESC LIMIT ?",
        (conversation_id, before_message_id, _HISTORY),
    )
    return [rows.message(row, ()) for row in reversed(found)]


def _gone(conversation_id: int) -> str:
    return f"there is no conversation {conversation_id}, or it is deleted"


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
    if message.status not in OPEN_STATUSES or message.run_id is None:
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
