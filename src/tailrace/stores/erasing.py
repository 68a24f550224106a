"""Floor 1: what is promised about removing runs and conversations whole.

Rule 1: each step is small, so that runs which commit meanwhile hardly wait.
Rule 2: what still works is not removed: a live run is stopped first.
Rule 3: after `wipe` no byte of what was removed is left in the files of the store.
"""

from datetime import datetime
from typing import Protocol


class Erasing(Protocol):
    """Removes runs and conversations, with all that belongs to them."""

    async def old_conversations(self, before: datetime, limit: int, *, deleted: bool) -> list[int]:
        """Up to `limit` conversations that were last used before `before`, oldest first.

        Those that were deleted, or those that were not; none in which a run is live.
        """
        ...

    async def old_runs(self, before: datetime, limit: int) -> list[str]:
        """Up to `limit` runs without a conversation that ended before `before`, oldest first."""
        ...

    async def erase_conversation(self, conversation_id: int, limit: int) -> bool:
        """Remove up to `limit` rows of the conversation; whether nothing of it is left.

        From the first step on it counts as deleted.

        Raises:
            ConflictError: one of its runs has not ended.
        """
        ...

    async def erase_run(self, run_id: str, limit: int) -> bool:
        """Remove up to `limit` rows of the run, its answer, and its question if none else has it.

        Gives whether nothing of it is left.

        Raises:
            ConflictError: it has not ended.
        """
        ...

    async def free_keys(self, before: datetime, limit: int) -> int:
        """How many idempotency keys from before `before` were forgotten, up to `limit`."""
        ...

    async def wipe(self) -> None:
        """Write the store's files anew without what was removed from them.

        Everything else waits meanwhile: some seconds a gigabyte.

        Raises:
            StorageFullError: there is no room for that; it takes as much again as there is.
            StoreError: it cannot be done now, because somebody reads.
        """
        ...
