"""Floor 1: what a store promises about letting go of what is old.

Rule 1: each step is small, so that runs which commit meanwhile hardly wait.
Rule 2: only runs that have ended are touched; what a person was answered goes last.
Rule 3: what is gone is said to be gone (`HistoryTrimmedError`), never passed over in silence.
"""

from datetime import datetime
from typing import Protocol

import msgspec


class Trimmed(msgspec.Struct, frozen=True, kw_only=True):
    """What was let go of, or would be.

    Attributes:
        runs: Whose last event but the terminal one went.
        events: How many went.
        done: Whether nothing is left to do.
    """

    runs: int
    events: int
    done: bool


class Retention(Protocol):
    """Lets go of what is old."""

    async def trim(self, before: datetime, limit: int, *, owner: str | None = None) -> Trimmed:
        """Let go of up to `limit` events of runs that ended before `before`, the oldest first.

        A run's terminal event stays, and what its events amount to; to read what is gone raises
        `HistoryTrimmedError`.

        Args:
            before: Aware, UTC.
            limit: How many events, at least 1.
            owner: Whose runs; None for everybody's.
        """
        ...

    async def trimmable(self, before: datetime, *, owner: str | None = None) -> Trimmed:
        """What `trim` would let go of, were it asked until it is done."""
        ...
