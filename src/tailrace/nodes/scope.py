"""Floor 3: RunScope, all a node may reach while it works for one run."""

from dataclasses import dataclass

from tailrace._clock import Clock
from tailrace.context.search import ContextIndex
from tailrace.events.event import StreamEvent
from tailrace.llm.base import LLMClient
from tailrace.settings import Settings
from tailrace.stores.documents import DocumentStore
from tailrace.streaming.manager import StreamingManager


@dataclass(frozen=True, slots=True, kw_only=True)
class RunScope:
    """The run's own log, and what is shared by all runs.

    Attributes:
        streaming_manager: The run's log; `emit` is a node's only way to speak.
        llm: The model.
        context: The index over the person's documents.
        documents: The documents themselves.
        deadline_s: When the run's time is up, on `clock.monotonic_s`.
    """

    streaming_manager: StreamingManager
    llm: LLMClient
    context: ContextIndex
    documents: DocumentStore
    settings: Settings
    clock: Clock
    deadline_s: float

    async def emit(self, event: StreamEvent) -> None:
        """Say `event`; see `StreamingManager.emit`."""
        await self.streaming_manager.emit(event)
