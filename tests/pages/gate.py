"""Gate: holds a scripted answer before the chunks it is given, until it is opened for each."""

import asyncio


class Gate:
    """Awaited before each chunk; stops before those it is given, one `open` each."""

    def __init__(self, *stops: int) -> None:
        self._stops = stops
        self._opened = 0
        self._changed = asyncio.Event()

    def open(self) -> None:
        """Let it go on to the next stop."""
        self._opened += 1
        self._changed.set()

    async def __call__(self, sent: int) -> None:
        """Wait, where the chunk after `sent` others is not let through yet."""
        while sum(stop <= sent for stop in self._stops) > self._opened:
            self._changed.clear()
            await self._changed.wait()
