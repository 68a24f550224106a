"""Floor 5: Quota, how many runs may be at work and wait: of one owner, and of all together.

Rule 1: an owner's places are given in the order they were asked for.
Rule 2: owners take turns: whoever waits gets a place before another owner gets two.
Rule 3: a place that is free is never kept from a run that may have it.
Rule 4: a place is handed on in constant time, and an owner without runs costs no memory.
Rule 5: a run that waits for its user takes nobody's place; of those, too, there is a most.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

from tailrace._clock import SYSTEM_CLOCK
from tailrace.errors import TooManyRunsError

_ENDS_KEPT: Final = 8
_LEAST_WAIT_S: Final = 1.0
_MOST_WAIT_S: Final = 60.0
_USUAL_WAIT_S: Final = 5.0


class _Owner:
    """One owner's counts, the runs that ask for a place, and when the newest ones left theirs."""

    __slots__ = ("accepted", "aside", "asking", "ended_s", "running")

    def __init__(self) -> None:
        self.accepted = 0
        self.aside = 0
        self.running = 0
        self.asking: OrderedDict[asyncio.Future[None], None] = OrderedDict()
        self.ended_s: deque[float] = deque(maxlen=_ENDS_KEPT)


class Quota:
    """Counts the runs of each owner, and gives them places."""

    def __init__(
        self,
        *,
        max_at_work: int,
        max_live: int,
        max_queued: int,
        max_aside: int,
        monotonic_s: Callable[[], float] = SYSTEM_CLOCK.monotonic_s,
    ) -> None:
        """Allow so many.

        Args:
            max_at_work: Runs at work, of all owners together.
            max_live: Runs of one owner at work.
            max_queued: Runs of one owner that wait for a place.
            max_aside: Runs of one owner that wait for their user.
            monotonic_s: What tells how fast runs end.
        """
        self._free = max_at_work
        self._max_live = max_live
        self._max_accepted = max_live + max_queued
        self._max_aside = max_aside
        self._monotonic_s = monotonic_s
        self._owners: dict[str, _Owner] = {}
        self._next: OrderedDict[_Owner, None] = OrderedDict()  # who asks and may have one more

    def __len__(self) -> int:
        """How many owners have runs."""
        return len(self._owners)

    def accept(self, owner: str) -> None:
        """Count one more accepted run; `release` it when it has ended.

        Raises:
            TooManyRunsError: the owner's queue is full.
        """
        counts = self._owners.setdefault(owner, _Owner())
        if counts.accepted >= self._max_accepted:
            msg = f"{counts.accepted} runs are under way or wait already; try again in a while"
            raise TooManyRunsError(msg, retry_after_s=self._next_end_s(counts))
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
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        counts.asking[turn] = None
        self._line_up(counts)
        self._hand_out()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._give_back(counts)
            else:
                self._stop_asking(counts, turn)
            raise
        try:
            yield
        finally:
            self._give_back(counts)

    def _hand_out(self) -> None:
        """Give every place that is free to the next owner who may have it."""
        while self._free and self._next:
            counts, _ = self._next.popitem(last=False)
            turn, _ = counts.asking.popitem(last=False)
            while turn.cancelled() and counts.asking:  # its task has not seen that yet
                turn, _ = counts.asking.popitem(last=False)
            if not turn.cancelled():
                self._free -= 1
                counts.running += 1
                turn.set_result(None)
            self._line_up(counts)

    def _give_back(self, counts: _Owner) -> None:
        counts.ended_s.append(self._monotonic_s())
        self._free += 1
        counts.running -= 1
        self._line_up(counts)
        self._hand_out()

    def _stop_asking(self, counts: _Owner, turn: "asyncio.Future[None]") -> None:
        counts.asking.pop(turn, None)
        if not counts.asking:
            self._next.pop(counts, None)

    def _line_up(self, counts: _Owner) -> None:
        """Put the owner last in the line, unless it stands there, asks nothing, or has enough."""
        if counts.asking and counts.running < self._max_live:
            self._next.setdefault(counts, None)

    def _next_end_s(self, counts: _Owner) -> float:
        """In how many seconds a run of the owner ends, going by the newest ones that did."""
        ended_s = counts.ended_s
        if not ended_s:
            return _USUAL_WAIT_S
        between_s = (self._monotonic_s() - ended_s[0]) / max(1, len(ended_s) - 1)
        return min(max(between_s, _LEAST_WAIT_S), _MOST_WAIT_S)
