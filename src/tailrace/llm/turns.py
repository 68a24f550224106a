"""Floor 1: Turns, a bounded queue for what one call uses at a time, first come, first served.

Rule 1: whoever leaves, wherever it stood, frees its place at once and wakes only those behind it.
Rule 2: nothing here waits for a call that does not leave; each ticket is left in a `finally`.
Rule 3: it belongs to one event loop.
"""

import asyncio

from tailrace.errors import ModelRateLimitedError


class Ticket:
    """A place in the queue; at its head it is one's turn."""

    def __init__(self, queue: "list[Ticket]") -> None:
        self._queue = queue
        self._moved = asyncio.Event()

    def ahead(self) -> int:
        """How many are served before this one, the one being served included."""
        self._moved.clear()
        return self._queue.index(self)

    async def moved(self) -> None:
        """Return when the place has changed since `ahead` was asked."""
        await self._moved.wait()

    def leave(self) -> None:
        """Give the place up; those behind move up."""
        at = self._queue.index(self)
        del self._queue[at]
        for behind in self._queue[at:]:
            behind.wake()

    def wake(self) -> None:
        """Note that the place has changed."""
        self._moved.set()


class Turns:
    """Who is served, and who waits."""

    def __init__(self, *, max_waiting: int) -> None:
        """Let at most `max_waiting` calls wait behind the one that is served."""
        self._max_waiting = max_waiting
        self._queue: list[Ticket] = []

    def join(self) -> Ticket:
        """A place at the end.

        Raises:
            ModelRateLimitedError: the queue is full.
        """
        if len(self._queue) > self._max_waiting:
            msg = f"{self._max_waiting} calls wait for the embedded model already; try again later"
            raise ModelRateLimitedError(msg)
        ticket = Ticket(self._queue)
        self._queue.append(ticket)
        return ticket
