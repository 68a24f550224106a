"""Floor 2: PendingBuffer, what a run has said but the store has not yet kept.

Rule 1: bounded in events and bytes; whoever adds to a full one waits.
Rule 2: increments merge only here, and never across another event type, a stage or a node.
Rule 3: an event that ends a stage or the run ends its batch.
"""

import asyncio
from typing import Final

import msgspec

from tailrace.events.event import StreamEvent
from tailrace.events.types import CHUNK_TYPES
from tailrace.stores.base import StageResult

MAX_EVENTS: Final = 1_000
MAX_BYTES: Final = 1024 * 1024


class Pending(msgspec.Struct, gc=False):
    """One event that waits, with what its commit carries besides.

    Attributes:
        parts: The increments that were merged into it; empty where there is just one.
        stage_result: What the stage it ends hands on.
        committed: Set once the event is kept; None where nobody waits for that.
    """

    event: StreamEvent
    parts: list[str] | None = None
    stage_result: StageResult | None = None
    committed: "asyncio.Future[None] | None" = None

    @property
    def content(self) -> str:
        """The event's content, increments joined."""
        return "".join(self.parts) if self.parts else self.event.content

    @property
    def ends_batch(self) -> bool:
        """Whether nothing may follow it in its commit."""
        return self.committed is not None


class PendingBuffer:
    """The events of one run that wait for their commit, in order."""

    def __init__(self) -> None:
        self._items: list[Pending] = []
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._items)

    @property
    def full(self) -> bool:
        """Whether the next event has to wait."""
        return len(self._items) >= MAX_EVENTS or self._bytes >= MAX_BYTES

    def add(self, pending: Pending) -> None:
        """Take in the next event; an increment may melt into the one before it."""
        event = pending.event
        self._bytes += len(event.content)
        if event.type in CHUNK_TYPES and self._items:
            last = self._items[-1]
            if last.event.type is event.type and _same_place(last.event, event):
                if last.parts is None:
                    last.parts = [last.event.content]
                last.parts.append(event.content)
                return
        self._items.append(pending)

    def take(self) -> list[Pending]:
        """The next batch, out of the buffer."""
        end = next((i + 1 for i, item in enumerate(self._items) if item.ends_batch), None)
        batch, self._items = (
            (self._items, []) if end is None else (self._items[:end], self._items[end:])
        )
        self._bytes = sum(len(item.content) for item in self._items)
        return batch

    def drop(self) -> list[Pending]:
        """Everything, out of the buffer, because it can no longer be kept."""
        items, self._items, self._bytes = self._items, [], 0
        return items


def _same_place(left: StreamEvent, right: StreamEvent) -> bool:
    return left.stage is right.stage and left.node is right.node
