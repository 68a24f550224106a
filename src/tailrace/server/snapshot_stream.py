"""Floor 6: SnapshotStream, the response that shows one thing as it changes.

Rule: a viewer gets the whole of it, at once and again at each change; one that is slow misses what
was in between. So there is nothing to resume, and no id.
"""

from typing import final

from starlette.types import Send

from tailrace.server.stream_response import StreamResponse
from tailrace.wire import sse
from tailrace.wire.frame import Frame


@final
class SnapshotStream(StreamResponse[bytes]):
    """The response that sends each snapshot, encoded, that its source yields."""

    async def forward(self, direct: Send) -> None:
        """Send the snapshots, until there is nothing more to show."""
        async for snapshot in self.source:
            await self.put(direct, sse.encode(Frame(data=snapshot)))
