"""Floor 6: EventStream, one viewer's response: log → dialect → wire → client.

Rule 1: whatever waits leaves in one send; nothing is encoded, timed or scheduled per event. To a
    viewer that is up to date, events go in the turn they are committed.
Rule 2: however it ends, the run goes on.
Rule 3: after the terminal frame the response ends. One that ends before is broken off; or its time
    is up: whoever has seen no terminal event knows that there is more.
"""

from collections.abc import AsyncGenerator, Callable, Sequence
from typing import ClassVar, final

from starlette.types import Send

from tailrace.dialects.base import Dialect
from tailrace.events.event import Cursor
from tailrace.events.logged import LoggedEvent
from tailrace.server.line import chunk
from tailrace.server.stream_response import StreamLimits, StreamResponse, ViewerGoneError
from tailrace.wire import sse


@final
class EventStream(StreamResponse[Sequence[LoggedEvent]]):
    """The response that follows one log.

    A stateful dialect is fed the log from event 1; what it says of events up to `after` is
    dropped here.
    """

    rejoinable: ClassVar[bool] = True

    def __init__(
        self,
        batches: AsyncGenerator[Sequence[LoggedEvent], None],
        dialect: Dialect,
        *,
        after: Cursor,
        limits: StreamLimits,
        headers: Sequence[tuple[str, str]] = (),
        first: LoggedEvent | None = None,
        named_heartbeat: bool = False,
        on_time_up: Callable[[], None] = lambda: None,
    ) -> None:
        """Send `first`, a snapshot, if there is one, and then the batches."""
        super().__init__(
            batches,
            limits,
            headers,
            # so that a viewer that is cut off before the first event comes back to here; one that
            # asked for a snapshot asks for it again
            sse.primer(str(after)) if first is None else b"",
            named_heartbeat=named_heartbeat,
            on_time_up=on_time_up,
        )
        self._first = first
        self._dialect = dialect
        self._after = after
        self._key = f"sse:{dialect.name}" if dialect.stateless else ""
        self._chunk_key = f"chunk:{self._key}"
        self._encode = self._shared_bytes if self._key else self._own_bytes

    async def forward(self, direct: Send) -> None:
        """Send the log to its terminal event.

        Raises:
            ViewerGoneError: the log was closed without one.
        """
        ended = False
        if self._first is not None:
            await self.put(direct, self._encode(self._first))
        async for batch in self.source:
            ended = batch[-1].event.is_terminal
            if data := self._joined(batch):
                await self.put(direct, data)
        if not ended:
            raise ViewerGoneError

    def take(self, batch: Sequence[LoggedEvent]) -> bool:
        """Send the batch now, where the viewer's line takes it without a wait; see `Sink`."""
        line = self.ready_line()
        if line is None:
            return False
        if self._key and line.is_chunked and len(batch) == 1:
            line.write_raw(batch[0].memo(self._chunk_key, self._shared_chunk))
        elif data := self._joined(batch):
            line.write(data)
        return True

    def _joined(self, batch: Sequence[LoggedEvent]) -> bytes:
        return b"".join([self._encode(logged) for logged in batch])

    def _shared_bytes(self, logged: LoggedEvent) -> bytes:
        """Bytes that are made once per event, however many viewers a stateless dialect has."""
        return logged.memo(self._key, self._bytes)

    def _shared_chunk(self, logged: LoggedEvent) -> bytes:
        return chunk(self._shared_bytes(logged))

    def _own_bytes(self, logged: LoggedEvent) -> bytes:
        data = self._bytes(logged)
        return data if logged.seq > self._after.seq else b""

    def _bytes(self, logged: LoggedEvent) -> bytes:
        return b"".join([sse.encode(frame) for frame in self._dialect.frames(logged)])
