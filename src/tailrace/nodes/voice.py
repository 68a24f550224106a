"""Floor 3: Voice, how a node says the text of an answer.

Rule: what is said is emitted at once; a voice that holds something back says so in its own rules.
"""

from collections.abc import Sequence
from typing import Protocol

from tailrace.events.event import StreamEvent
from tailrace.events.types import EventType
from tailrace.nodes.answer_text import Marker
from tailrace.nodes.base import BaseNode
from tailrace.nodes.scope import RunScope


class Filter(Protocol):
    """Takes a text as it comes, and gives what may be shown of it."""

    def feed(self, text: str) -> Sequence[str | Marker]:
        """What may be shown now that `text` has come too."""
        ...

    def end(self) -> Sequence[str | Marker]:
        """What was held back; nothing more comes."""
        ...


class Voice:
    """Says a text as it is."""

    def __init__(self, node: BaseNode, scope: RunScope) -> None:
        self._node = node
        self._scope = scope

    async def write(self, text: str) -> None:
        """Say `text`, which no model wrote, as it is."""
        await self._scope.emit(
            StreamEvent(
                type=EventType.STREAM_CHUNK,
                content=text,
                timestamp=self._scope.clock.now(),
                stage=self._node.stage,
                node=self._node.type,
            )
        )

    async def speak(self, text: str) -> str:
        """Say what may be said of a model's `text`; that."""
        if text:
            await self.write(text)
        return text

    async def flush(self) -> str:
        """Say what was held back, as the text is broken off here; that."""
        return ""

    async def end(self) -> str:
        """Say what was held back, as the text is whole; that."""
        return await self.flush()


class FilteredVoice(Voice):
    """Says what a filter leaves; tells markers to nobody."""

    def __init__(self, node: BaseNode, scope: RunScope, passed: Filter) -> None:
        """Say what is `passed`."""
        super().__init__(node, scope)
        self._filter = passed

    async def speak(self, text: str) -> str:
        """See `Voice.speak`."""
        return await self._say(self._filter.feed(text))

    async def flush(self) -> str:
        """See `Voice.flush`."""
        return await self._say(self._filter.end())

    async def _say(self, parts: Sequence[str | Marker]) -> str:
        said: list[str] = []
        for part in parts:
            if isinstance(part, Marker):
                self._mark(part)
            else:
                await self._part(part)
                said.append(part)
        return "".join(said)

    def _mark(self, marker: Marker) -> None:
        """Hear that the sentence here rests on some passages."""

    async def _part(self, text: str) -> None:
        await self.write(text)
