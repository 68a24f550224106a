"""Floor 7: a run as its native events, one a line on stdout, and nothing else there."""

import asyncio
import sys

from tailrace.events.asking import InputRequest
from tailrace.events.event import StreamEvent
from tailrace.events.receipt import Receipt


class JSONScreen:
    """Writes each event as it arrives."""

    def show(self, event: StreamEvent, receipt: Receipt) -> None:
        """Write the event."""
        del receipt
        sys.stdout.write(event.to_json_string() + "\n")
        sys.stdout.flush()

    def ask(self, request: InputRequest) -> None:
        """Nothing: the events tell."""

    def stopping(self) -> None:
        """Nothing: the events tell."""

    def end(self, receipt: Receipt) -> None:
        """Nothing: the events tell."""

    async def animate(self) -> None:
        """Nothing moves."""
        await asyncio.get_running_loop().create_future()
