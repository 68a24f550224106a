"""Floor 5: Arrivals, how a viewer of a conversation learns that it has got a run. No polling."""

import asyncio
from collections import defaultdict
from collections.abc import Generator
from contextlib import contextmanager

Arrival = asyncio.Future[None]


class Arrivals:
    """Wakes whoever waits for a conversation's next run; knows what this process accepted.

    Attributes:
        closed: Whether no run comes any more.
    """

    def __init__(self) -> None:
        self.closed = False
        self._waiting: defaultdict[int, set[Arrival]] = defaultdict(set)

    @contextmanager
    def expected(self, conversation_id: int) -> Generator[Arrival]:
        """Done once the conversation gets a run; enter it before looking whether there is one."""
        arrival: Arrival = asyncio.get_running_loop().create_future()
        if self.closed:
            arrival.set_result(None)
        self._waiting[conversation_id].add(arrival)
        try:
            yield arrival
        finally:
            waiting = self._waiting[conversation_id]
            waiting.discard(arrival)
            if not waiting:
                del self._waiting[conversation_id]

    def ring(self, conversation_id: int | None) -> None:
        """The conversation has got a run."""
        if conversation_id in self._waiting:
            _wake(self._waiting[conversation_id])

    def close(self) -> None:
        """Let everybody go."""
        self.closed = True
        for waiting in self._waiting.values():
            _wake(waiting)


def _wake(waiting: set[Arrival]) -> None:
    for arrival in waiting:
        if not arrival.done():
            arrival.set_result(None)
