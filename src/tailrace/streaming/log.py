"""EventLog: the committed tail of one run's log, in memory. Floor 2, synchronous.

Rule 1: `append` never waits for a viewer, so a slow reader cannot stall a run.
Rule 2: a viewer sees each event after its cursor once, in `seq` order.
Rule 3: nothing follows a terminal event.
Rule 4: only what is committed gets in, and memory is bounded: older events are in the store.
Rule 5: a viewer that is up to date may be fed: it is given events in the turn they are appended,
    without being woken for them. It takes them at once or not at all.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import final

from tailrace.errors import LogClosedError
from tailrace.events.logged import LoggedEvent

Sink = Callable[[Sequence[LoggedEvent]], bool]
"""Takes events at once and is true, or takes none of them; it neither waits nor raises."""


@final
class _Feed:
    """A viewer that is fed.

    Attributes:
        seq: Where it stands.
        size_bytes: What it was fed.
        over: Set once it is fed no more.
    """

    __slots__ = ("over", "seq", "sink", "size_bytes")

    def __init__(self, seq: int, sink: Sink) -> None:
        self.seq = seq
        self.sink = sink
        self.size_bytes = 0
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class EventLog:
    """The newest events of one log, already encoded.

    Attributes:
        last_seq: The seq of the newest event; 0 before the first.
        closed: Whether nothing more will come.
        appended_bytes: Of all events it ever took in, those that memory has let go of too.
    """

    def __init__(self, max_bytes: int) -> None:
        self.last_seq = 0
        self.closed = False
        self.appended_bytes = 0
        self._max_bytes = max_bytes
        self._bytes = 0
        self._tail: list[LoggedEvent] = []
        self._waiting: set[asyncio.Future[None]] = set()
        self._feeds: set[_Feed] = set()

    def append(self, events: Sequence[LoggedEvent], *, terminal: bool) -> None:
        """Take in committed events, `terminal` if the last of them ends the run; wake viewers.

        Raises:
            LogClosedError: the log has ended, or the events do not follow it.
        """
        if self.closed or events[0].seq != self.last_seq + 1:
            msg = f"event {events[0].seq} cannot follow event {self.last_seq}"
            raise LogClosedError(msg)
        self._tail.extend(events)
        size = sum(len(event.data) for event in events)
        self._bytes += size
        self.appended_bytes += size
        self.last_seq = events[-1].seq
        self.closed = terminal
        if self._bytes > self._max_bytes:
            self._trim()
        if self._feeds and not terminal:
            self._feed(events, size)
        self._wake_waiting()
        if terminal:
            self._end_feeds()

    def close(self) -> None:
        """Let viewers go: this process will not learn how the run went on."""
        self.closed = True
        self.wake()

    def since(self, seq: int, max_bytes: int) -> list[LoggedEvent] | None:
        """Events after `seq`, up to `max_bytes` but at least one; None where memory lacks them."""
        if seq >= self.last_seq:
            return []
        if not self._tail or seq + 1 < self._tail[0].seq:
            return None
        start = seq + 1 - self._tail[0].seq
        end, size = start, 0
        while end < len(self._tail) and (end == start or size < max_bytes):
            size += len(self._tail[end].data)
            end += 1
        return self._tail[start:end]

    def newest(self, limit: int) -> list[LoggedEvent]:
        """Up to `limit` newest events that are in memory, oldest first."""
        return self._tail[-limit:]

    async def grown(self, seq: int) -> None:
        """Return once there is something after `seq`, nothing more will come, or at a `wake`."""
        if self.last_seq > seq or self.closed:
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(waiter)
        try:
            await waiter
        finally:
            self._waiting.discard(waiter)

    async def fed(self, seq: int, sink: Sink) -> tuple[int, int]:
        """Give `sink` what is appended after `seq`, until it takes no more.

        The event that ends the run is not given to it; so that it is over then, at a `wake`, and
        where there is something after `seq` already.

        Returns:
            The seq it was fed up to, and how many bytes of events that were.
        """
        if self.last_seq > seq or self.closed:
            return seq, 0
        feed = _Feed(seq, sink)
        self._feeds.add(feed)
        try:
            await feed.over
        finally:
            self._feeds.discard(feed)
        return feed.seq, feed.size_bytes

    def wake(self) -> None:
        """Let whoever waits look again, at this log and at what stands around it."""
        self._wake_waiting()
        self._end_feeds()

    def _wake_waiting(self) -> None:
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)
        self._waiting.clear()

    def _feed(self, events: Sequence[LoggedEvent], size_bytes: int) -> None:
        full: list[_Feed] = []
        for feed in self._feeds:
            if feed.sink(events):
                feed.seq = self.last_seq
                feed.size_bytes += size_bytes
            else:
                full.append(feed)
        for feed in full:
            self._feeds.discard(feed)
            if not feed.over.done():
                feed.over.set_result(None)

    def _end_feeds(self) -> None:
        for feed in self._feeds:
            if not feed.over.done():
                feed.over.set_result(None)
        self._feeds.clear()

    def _trim(self) -> None:
        """Drop the older half, so that the price of trimming is spread over many appends."""
        keep_bytes, start = 0, len(self._tail)
        while start > 1 and keep_bytes < self._max_bytes // 2:
            start -= 1
            keep_bytes += len(self._tail[start].data)
        self._tail = self._tail[start:]
        self._bytes = sum(len(event.data) for event in self._tail)
