"""Floor 5: Quota, how many runs of one owner may run and wait at once.

Rule 1: places are given in the order they were asked for.
Rule 2: an owner without runs costs no memory.
Rule 3: a run that waits for its user takes nobody's place; of those, too, there is a most.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager

from tailrace.errors import TooManyRunsError


class _Owner:
    __slots__ = ("accepted", "aside", "running", "waiting")

    def __init__(self) -> None:
        self.accepted = 0
        self.aside = 0
        self.running = 0
        self.waiting: deque[asyncio.Future[None]] = deque()


class Quota:
    """Counts the runs of each owner."""

    def __init__(
        self, max_live: int, max_queued: int, max_aside: int, retry_after_s: float = 5.0
    ) -> None:
        self._max_live = max_live
        self._max_accepted = max_live + max_queued
        self._max_aside = max_aside
        self._retry_after_s = retry_after_s
        self._owners: dict[str, _Owner] = {}

    def accept(self, owner: str) -> None:
        """Count one more accepted run; `release` it when it has ended.

        Raises:
            TooManyRunsError: the owner's queue is full.
        """
        counts = self._owners.setdefault(owner, _Owner())
        if counts.accepted >= self._max_accepted:
            msg = f"{counts.accepted} runs are under way or wait already; try again in a while"
            raise TooManyRunsError(msg, retry_after_s=self._retry_after_s)
        counts.accepted += 1

    def readmit(self, owner: str) -> None:
        """Count a run that an earlier process accepted; `release` it when it has ended."""
        self._owners.setdefault(owner, _Owner()).accepted += 1

    def release(self, owner: str) -> None:
        """Count one accepted run less."""
        counts = self._owners[owner]
        counts.accepted -= 1
        if not counts.accepted and not counts.aside:
            del self._owners[owner]

    def may_step_aside(self, owner: str) -> bool:
        """Whether one more run of the owner may wait for its user."""
        return self._owners[owner].aside < self._max_aside

    @contextmanager
    def aside(self, owner: str) -> Generator[None, None, None]:
        """Let the others on while a run, which was accepted, waits for its user."""
        counts = self._owners[owner]
        counts.accepted -= 1
        counts.aside += 1
        try:
            yield
        finally:
            counts.aside -= 1
            counts.accepted += 1

    @asynccontextmanager
    async def place(self, owner: str) -> AsyncGenerator[None, None]:
        """A place to run in, once there is one; the run must have been accepted.

        Raises:
            CancelledError: the run was cancelled while it waited.
        """
        counts = self._owners[owner]
        if counts.running >= self._max_live:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            counts.waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self._hand_on(counts)
                raise
        else:
            counts.running += 1
        try:
            yield
        finally:
            self._hand_on(counts)

    @staticmethod
    def _hand_on(counts: _Owner) -> None:
        """Give the place to the next who waits, or free it."""
        while counts.waiting:
            turn = counts.waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        counts.running -= 1
