"""Floor 1: messages made by hand in SQLite.

Every function here is an operation of `Database`: a pure function of the connection.
"""

from datetime import datetime
from typing import NamedTuple

import apsw

from tailrace.errors import ConflictError, NotFoundError
from tailrace.stores.conversations import OPEN_STATUSES, MessageStatus, NewMessage
from tailrace.stores.sqlite.conversations import use
from tailrace.stores.sqlite.rows import one, time_text


class _Found(NamedTuple):
    status: MessageStatus
    run_id: str | None
    conversation_id: int


def add(connection: apsw.Connection, message: NewMessage, owner: str) -> int:
    """Keep the message; its id.

    Raises:
        NotFoundError: no such conversation.
    """
    title_from = message.content if message.role == "user" else ""
    use(connection, message.conversation_id, owner, message.created_at, title_from)
    at = time_text(message.created_at)
    status = MessageStatus.COMPLETED if message.complete else MessageStatus.STREAMING
    connection.execute(
        "INSERT INTO messages (conversation_id, parent_message_id, role, content, status, "
        "token_count, created_at, updated_at, completed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            message.conversation_id,
            message.parent_message_id,
            message.role,
            message.content,
            status.value,
            message.token_count,
            at,
            at,
            at if message.complete else None,
        ),
    )
    return connection.last_insert_rowid()


def append(
    connection: apsw.Connection,
    message_id: int,
    owner: str,
    chunk: str,
    token_count: int,
    at: datetime,
) -> None:
    """Add `chunk` to the message, and `token_count` to its tokens.

    Raises:
        NotFoundError: no such message.
        ConflictError: it has ended, or a run writes it.
    """
    found = _made_by_hand(connection, message_id, owner)
    if found.status not in OPEN_STATUSES:
        msg = f"message {message_id} has ended; nothing can be appended to it"
        raise ConflictError(msg)
    connection.execute(
        "UPDATE messages SET content = content || ?, token_count = token_count + ?, "
        "updated_at = ? WHERE id = ?",
        (chunk, token_count, time_text(at), message_id),
    )
    use(connection, found.conversation_id, owner, at)


def replace(
    connection: apsw.Connection,
    message_id: int,
    owner: str,
    content: str,
    token_count: int | None,
    at: datetime,
) -> None:
    """Give the message another text.

    Raises:
        NotFoundError: no such message.
        ConflictError: a run wrote it.
    """
    found = _made_by_hand(connection, message_id, owner)
    connection.execute(
        "UPDATE messages SET content = ?, token_count = coalesce(?, token_count), updated_at = ? "
        "WHERE id = ?",
        (content, token_count, time_text(at), message_id),
    )
    use(connection, found.conversation_id, owner, at)


def end(
    connection: apsw.Connection, message_id: int, owner: str, status: MessageStatus, at: datetime
) -> None:
    """End the message, unless it has ended.

    Raises:
        NotFoundError: no such message.
        ConflictError: a run writes it.
    """
    if _find(connection, message_id, owner).status not in OPEN_STATUSES:
        return
    found = _made_by_hand(connection, message_id, owner)
    now = time_text(at)
    connection.execute(
        "UPDATE messages SET status = ?, updated_at = ?, completed_at = ? WHERE id = ?",
        (status.value, now, now, message_id),
    )
    use(connection, found.conversation_id, owner, at)


def _made_by_hand(connection: apsw.Connection, message_id: int, owner: str) -> _Found:
    """The message, if no run wrote it.

    Raises:
        NotFoundError: no such message.
        ConflictError: a run wrote it, or writes it.
    """
    found = _find(connection, message_id, owner)
    if found.run_id is not None:
        msg = f"message {message_id} belongs to run {found.run_id}, which alone writes it"
        raise ConflictError(msg)
    return found


def _find(connection: apsw.Connection, message_id: int, owner: str) -> _Found:
    """The message, if something may be written into its conversation.

    Raises:
        NotFoundError: no such message.
    """
    row = one(
        connection,
        "SELECT m.status, m.run_id, c.id FROM messages m JOIN conversations c "
        "ON c.id = m.conversation_id WHERE m.id = ? AND c.owner = ? AND c.status = 'active'",
        (message_id, owner),
    )
    if row is None:
        msg = f"there is no message {message_id}, or its conversation is deleted"
        raise NotFoundError(msg)
    return _Found(MessageStatus(row[0]), row[1], row[2])
