"""Floor 1: SQLiteRetention, how a SQLite store lets go of what is old; see `stores.retention`."""

from datetime import datetime

from tailrace._clock import Clock
from tailrace.stores.retention import Trimmed
from tailrace.stores.sqlite import trimming
from tailrace.stores.sqlite.database import Database


class SQLiteRetention:
    """A `Retention` over a `Database` whose migrations have run."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.database = database
        self._clock = clock

    async def trim(self, before: datetime, limit: int, *, owner: str | None = None) -> Trimmed:
        """See `Retention.trim`."""
        runs = events = 0
        damaged: set[str] = set()
        while events < limit:
            found = await self.database.read(lambda c: trimming.oldest(c, before, owner, damaged))
            if found is None:
                return Trimmed(runs=runs, events=events, done=True)
            left, at = limit - events, self._clock.now()
            step = await self.database.write(
                lambda c, found=found, left=left, at=at: trimming.trim(c, found, left, at)
            )
            runs, events = runs + step.runs, events + step.events
        return Trimmed(runs=runs, events=events, done=False)

    async def trimmable(self, before: datetime, *, owner: str | None = None) -> Trimmed:
        """See `Retention.trimmable`."""
        return await self.database.read(lambda c: trimming.trimmable(c, before, owner))
