"""Floor 5: Attendance, who watches a run that is to end once nobody does.

Rule 1: nobody can have left before somebody came: it counts from the first viewer on.
Rule 2: the last viewer's leaving calls for the end, after `after_s`, unless somebody comes back.
Rule 3: once the run has ended, or its process lets it go, nobody's leaving means anything.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import contextmanager
from typing import final

from tailrace.events.logged import LoggedEvent

Batches = AsyncGenerator[Sequence[LoggedEvent], None]


class Attendance:
    """Counts the viewers of one run."""

    def __init__(self, after_s: float, end: Callable[[], None]) -> None:
        """Call `end` when everybody has been gone for `after_s`."""
        self._after_s = after_s
        self._end = end
        self._viewers = 0
        self._timer: asyncio.TimerHandle | None = None
        self._dismissed = False

    def enter(self) -> None:
        """One viewer more."""
        self._viewers += 1
        self._stop_timer()

    def leave(self, grace_s: float = 0.0) -> None:
        """One viewer less; as if it had stayed for `grace_s` more."""
        self._viewers -= 1
        if self._viewers or self._dismissed:
            return
        wait_s = self._after_s + grace_s
        if wait_s:
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._end)
        else:
            self._end()

    @contextmanager
    def attended(self) -> Generator[None]:
        """One viewer more, for as long as this is entered."""
        self.enter()
        try:
            yield
        finally:
            self.leave()

    def dismiss(self) -> None:
        """Call for nothing any more."""
        self._dismissed = True
        self._stop_timer()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


@final
class AttendedView(AsyncGenerator[Sequence[LoggedEvent], None]):
    """A view whose reader counts as one of the run's viewers, from now until it is closed.

    Attributes:
        grace_s: For how long after it is closed it still counts; more than 0 where the reader is
            known to come back, as one that polls does.
    """

    def __init__(self, batches: Batches, attendance: Attendance, grace_s: float) -> None:
        self.grace_s = grace_s
        self._batches = batches
        self._attendance = attendance
        self._left = False
        attendance.enter()

    async def asend(self, value: None, /) -> Sequence[LoggedEvent]:
        """The next batch.

        Raises:
            StopAsyncIteration: there is none.
        """
        try:
            return await self._batches.asend(value)
        except BaseException:
            self._leave()
            raise

    async def athrow(self, typ: BaseException, /) -> Sequence[LoggedEvent]:  # pyright: ignore[reportIncompatibleMethodOverride]  # the one form that is not deprecated
        """As a generator's own.

        Raises:
            BaseException: `typ`, in the end.
        """
        try:
            return await self._batches.athrow(typ)
        except BaseException:
            self._leave()
            raise

    async def aclose(self) -> None:
        """Read no more."""
        try:
            await self._batches.aclose()
        finally:
            self._leave()

    def _leave(self) -> None:
        if not self._left:
            self._left = True
            self._attendance.leave(self.grace_s)
