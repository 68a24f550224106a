"""A node that writes an answer and says of its sentences which words they rest on."""

from collections.abc import Sequence
from typing import NamedTuple

from tailrace.events.event import JSON, StreamEvent
from tailrace.events.types import EventType, NodeType, Outcome, WorkflowStage
from tailrace.nodes import BaseNode, RunScope, write
from tailrace.state.state import WorkflowState

from .gate import Gate


class Said(NamedTuple):
    """A piece of the answer, and the words of the documents it rests on.

    Attributes:
        text: What is written; white space at its end is not cited.
        quotes: Words of the passages that were found; what is in none of them is left out.
    """

    text: str
    quotes: Sequence[str] = ()


LOOKED: tuple[tuple[str, dict[str, JSON], bool, str], ...] = (
    ("search_documents", {"query": "quay work"}, True, "3 passages"),
    ("recall_conversations", {"query": "the lamp"}, False, "nothing was found"),
    ("neighbours", {"source_id": "1"}, True, "2 passages"),
)
"""What it looks up first: the tool, what it is given, whether it works, what comes of it."""


class QuotingNode(BaseNode):
    """Looks things up, then writes the pieces one by one, where `gate` lets it go on."""

    type, stage, title = NodeType.EXECUTE, WorkflowStage.EXECUTION, "Answering"

    def __init__(self, pieces: Sequence[Said], gate: Gate | None = None) -> None:
        self.pieces = pieces
        self.gate = gate

    async def process(self, state: WorkflowState, scope: RunScope) -> WorkflowState:
        written = ""
        for number, (name, given, ok, came) in enumerate(LOOKED):
            call: dict[str, JSON] = {"call_id": str(number), "name": name, "arguments": given}
            await scope.emit(self._tells(scope, EventType.TOOL_CALL, call))
            result: dict[str, JSON] = {"call_id": str(number), "ok": ok, "summary": came}
            await scope.emit(self._tells(scope, EventType.TOOL_RESULT, result))
        for number, piece in enumerate(self.pieces):
            if self.gate is not None:
                await self.gate(number)
            await write(self, scope, piece.text)
            start, written = len(written), written + piece.text
            for quote in piece.quotes:
                await self._cite(state, scope, quote, (start, len(written.rstrip())))
        state.final_content = written
        await self.end(state, scope, "Answered")
        state.outcome = Outcome.ANSWERED
        return state

    async def _cite(
        self, state: WorkflowState, scope: RunScope, quote: str, place: tuple[int, int]
    ) -> None:
        for item in state.contexts.items:
            if quote in item.text:
                start = item.char_start + item.text.index(quote)
                cited: dict[str, JSON] = {
                    "source_id": item.id,
                    "answer_start": place[0],
                    "answer_end": place[1],
                    "quote": quote,
                    "document_id": item.document_id,
                    "revision": item.revision,
                    "char_start": start,
                    "char_end": start + len(quote),
                }
                await scope.emit(self._tells(scope, EventType.CITATION, cited))
                return

    def _tells(self, scope: RunScope, type_: EventType, metadata: dict[str, JSON]) -> StreamEvent:
        return StreamEvent(
            type=type_,
            content="",
            timestamp=scope.clock.now(),
            stage=self.stage,
            node=self.type,
            metadata=metadata,
        )
