"""Floor 5: Arrivals, how a viewer of a conversation learns that it has got a run. No polling."""

import asyncio


class Arrivals:
    """Wakes whoever waits for a conversation's next run; knows what this process accepted."""

    def __init__(self) -> None:
        self._waiting: dict[int, asyncio.Future[None]] = {}

    def next_of(self, conversation_id: int) -> "asyncio.Future[None]":
        """Done once the conversation gets a run; take it before looking for one, and shield it."""
        waiting = self._waiting.get(conversation_id)
        if waiting is None:
            waiting = asyncio.get_running_loop().create_future()
            self._waiting[conversation_id] = waiting
        return waiting

    def ring(self, conversation_id: int | None) -> None:
        """The conversation has got a run."""
        if conversation_id is not None:
            _wake(self._waiting.pop(conversation_id, None))

    def close(self) -> None:
        """Let everybody go: no run comes any more."""
        waiting, self._waiting = self._waiting, {}
        for future in waiting.values():
            _wake(future)


def _wake(future: "asyncio.Future[None] | None") -> None:
    if future is not None and not future.done():
        future.set_result(None)
