"""A node that writes an answer and says of its sentences which words they rest on."""

from collections.abc import Sequence
from typing import NamedTuple

from tailrace.events.event import StreamEvent
from tailrace.events.types import EventType, NodeType, Outcome, WorkflowStage
from tailrace.nodes import BaseNode, RunScope, write
from tailrace.state.state import ContextItem, WorkflowState

from .gate import Gate


class Said(NamedTuple):
    """A piece of the answer, and the words of the documents it rests on.

    Attributes:
        text: What is written; white space at its end is not cited.
        quotes: Words of the passages that were found; what is in none of them is left out.
    """

    text: str
    quotes: Sequence[str] = ()


class QuotingNode(BaseNode):
    """Writes the pieces one by one, each with its citations, where `gate` lets it go on."""

    type, stage, title = NodeType.EXECUTE, WorkflowStage.EXECUTION, "Answering"

    def __init__(self, pieces: Sequence[Said], gate: Gate | None = None) -> None:
        self.pieces = pieces
        self.gate = gate

    async def process(self, state: WorkflowState, scope: RunScope) -> WorkflowState:
        written = ""
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
                await scope.emit(self._citation(item, quote, place, scope))
                return

    def _citation(
        self, item: ContextItem, quote: str, place: tuple[int, int], scope: RunScope
    ) -> StreamEvent:
        start = item.char_start + item.text.index(quote)
        return StreamEvent(
            type=EventType.CITATION,
            content="",
            timestamp=scope.clock.now(),
            stage=self.stage,
            node=self.type,
            metadata={
                "source_id": item.id,
                "answer_start": place[0],
                "answer_end": place[1],
                "quote": quote,
                "document_id": item.document_id,
                "revision": item.revision,
                "char_start": start,
                "char_end": start + len(quote),
            },
        )
