"""Floor 1: SqliteRecalling, conversations against the documents that were made of them."""

from typing import Final

from tailrace.stores.sqlite.database import Database
from tailrace.stores.sqlite.rows import rows

_UNRECALLED: Final = """
SELECT c.id, c.owner FROM conversations AS c
LEFT JOIN documents AS d ON d.owner = c.owner AND d.source = 'conversation:' || c.id
WHERE c.status = 'active' AND (?1 IS NULL OR c.id < ?1) AND EXISTS (
  SELECT 1 FROM messages AS m WHERE m.conversation_id = c.id AND m.role = 'assistant'
    AND m.status = 'completed' AND (d.id IS NULL OR m.updated_at > d.updated_at))
ORDER BY c.id DESC LIMIT ?2
"""
_LEFT_OVER: Final = """
SELECT d.id, d.owner FROM documents AS d
WHERE d.origin = 'conversation' AND (? OR NOT EXISTS (
  SELECT 1 FROM conversations AS c
  WHERE c.status = 'active' AND c.owner = d.owner AND d.source = 'conversation:' || c.id))
LIMIT ?
"""


class SqliteRecalling:
    """A `Recalling` over a `Database` whose migrations have run."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def unrecalled(self, before: int | None, limit: int) -> list[tuple[int, str]]:
        """See `Recalling.unrecalled`."""
        found = await self._database.read(lambda c: rows(c, _UNRECALLED, (before, limit)))
        return [(id_, owner) for id_, owner in found]

    async def left_over(self, limit: int, *, everything: bool) -> list[tuple[int, str]]:
        """See `Recalling.left_over`."""
        found = await self._database.read(lambda c: rows(c, _LEFT_OVER, (everything, limit)))
        return [(id_, owner) for id_, owner in found]
