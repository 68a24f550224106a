"""Floor 1: SQLiteErasing, removes runs and conversations from a SQLite file.

Each operation of `Database` here is a pure function of the connection, but for `_wipe`, which runs
alone and outside a transaction.
"""

from datetime import datetime
from typing import Final

import apsw

from tailrace.errors import ConflictError, StoreError
from tailrace.stores.sqlite.conversations import title_of
from tailrace.stores.sqlite.database import Database
from tailrace.stores.sqlite.finishing import purge
from tailrace.stores.sqlite.rows import one, rows, time_text

_LIVE: Final = "state IN ('queued', 'running', 'waiting')"
_OLD: Final = (
    "SELECT id FROM conversations AS c WHERE status = ? AND updated_at < ? AND NOT EXISTS "  # noqa: S608 - a constant of ours
    f"(SELECT 1 FROM runs WHERE conversation_id = c.id AND {_LIVE}) ORDER BY updated_at LIMIT ?"
)
_MESSAGES_OF_RUN: Final = (  # its answer, and its question unless another run answers that too
    "SELECT id FROM messages WHERE id IN (SELECT assistant_message_id FROM runs WHERE run_id = ?1 "
    "UNION ALL SELECT user_message_id FROM runs AS r WHERE run_id = ?1 AND NOT EXISTS (SELECT 1 "
    "FROM runs AS other WHERE other.conversation_id = r.conversation_id "
    "AND other.user_message_id = r.user_message_id AND other.run_id <> r.run_id))"
)


class SQLiteErasing:
    """An `Erasing` over a `Database` whose migrations have run."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def old_conversations(self, before: datetime, limit: int, *, deleted: bool) -> list[int]:
        """See `Erasing.old_conversations`."""
        bindings = ("deleted" if deleted else "active", time_text(before), limit)
        found = await self._database.read(lambda c: rows(c, _OLD, bindings))
        return [row[0] for row in found]

    async def old_runs(self, before: datetime, limit: int) -> list[str]:
        """See `Erasing.old_runs`."""
        sql = (
            "SELECT run_id FROM runs WHERE conversation_id IS NULL AND finished_at < ? "
            "ORDER BY finished_at LIMIT ?"
        )
        found = await self._database.read(lambda c: rows(c, sql, (time_text(before), limit)))
        return [row[0] for row in found]

    async def erase_conversation(self, conversation_id: int, limit: int) -> bool:
        """See `Erasing.erase_conversation`."""
        return await self._database.write(lambda c: _erase_conversation(c, conversation_id, limit))

    async def erase_run(self, run_id: str, limit: int) -> bool:
        """See `Erasing.erase_run`."""
        return await self._database.write(lambda c: _erase_run(c, run_id, limit))

    async def free_keys(self, before: datetime, limit: int) -> int:
        """See `Erasing.free_keys`."""
        sql = (
            "UPDATE runs SET idempotency_key = NULL WHERE id IN (SELECT id FROM runs "
            "WHERE idempotency_key IS NOT NULL AND created_at < ? LIMIT ?) RETURNING id"
        )
        return len(await self._database.write(lambda c: rows(c, sql, (time_text(before), limit))))

    async def wipe(self) -> None:
        """See `Erasing.wipe`."""
        await self._database.alone(_wipe)


def _erase_conversation(connection: apsw.Connection, conversation_id: int, limit: int) -> bool:
    live = one(
        connection,
        f"SELECT run_id FROM runs WHERE conversation_id = ? AND {_LIVE}",  # noqa: S608 - a constant of ours
        (conversation_id,),
    )
    if live is not None:
        raise ConflictError(_not_ended(live[0]))
    connection.execute(
        "UPDATE conversations SET status = 'deleted' WHERE id = ?", (conversation_id,)
    )
    of_conversation = (conversation_id, limit)
    for run_id, *_ in rows(
        connection, "SELECT run_id FROM runs WHERE conversation_id = ? LIMIT ?", of_conversation
    ):
        limit -= 1
        gone = _erase_log(connection, run_id, limit)
        if gone is None or gone >= limit:
            return False
        limit -= gone
    sql = "SELECT id FROM messages WHERE conversation_id = ?1"
    if not _erase_messages(connection, sql, conversation_id, limit):
        return False
    connection.execute("DELETE FROM conversations WHERE id = ?", (conversation_id,))
    return True


def _erase_run(connection: apsw.Connection, run_id: str, limit: int) -> bool:
    row = one(
        connection,
        f"SELECT {_LIVE}, conversation_id, query FROM runs WHERE run_id = ?",  # noqa: S608 - a constant of ours
        (run_id,),
    )
    if row is None:
        return True
    is_live, conversation_id, query = row
    if is_live:
        raise ConflictError(_not_ended(run_id))
    connection.execute(  # the words of the first question
        "UPDATE conversations SET title = NULL WHERE id = ? AND title = ?",
        (conversation_id, title_of(query)),
    )
    if not _erase_messages(connection, _MESSAGES_OF_RUN, run_id, limit):
        return False
    return _erase_log(connection, run_id, limit) is not None


def _erase_messages(connection: apsw.Connection, sql: str, binding: object, limit: int) -> bool:
    """Whether all the messages that `sql` finds are gone; up to `limit` of them go."""
    found = rows(connection, f"{sql} LIMIT ?2", (binding, limit))
    for message_id, *_ in found:
        connection.execute("DELETE FROM messages WHERE id = ?", (message_id,))
    return len(found) < limit


def _erase_log(connection: apsw.Connection, run_id: str, limit: int) -> int | None:
    """How many events went; None where some are left, for which there is no room in this step."""
    run = one(connection, "SELECT id FROM runs WHERE run_id = ?", (run_id,))
    if run is None:
        return 0
    connection.execute(
        "DELETE FROM events WHERE (run, gen, seq) IN "
        "(SELECT run, gen, seq FROM events WHERE run = ? LIMIT ?)",
        (*run, max(limit, 1)),
    )
    gone = connection.changes()
    if one(connection, "SELECT 1 FROM events WHERE run = ? LIMIT 1", run) is not None:
        return None
    connection.execute("UPDATE messages SET run_id = NULL WHERE run_id = ?", (run_id,))
    connection.execute("DELETE FROM runs WHERE id = ?", run)
    return gone


def _wipe(connection: apsw.Connection) -> None:
    purge(connection)
    connection.execute("VACUUM")
    busy = one(connection, "PRAGMA wal_checkpoint(TRUNCATE)")
    if busy is not None and busy[0]:
        msg = "somebody reads this home, so that its log cannot be emptied; try again in a moment"
        raise StoreError(msg, retryable=True)


def _not_ended(run_id: str) -> str:
    return f"run {run_id} has not ended; stop it first"
