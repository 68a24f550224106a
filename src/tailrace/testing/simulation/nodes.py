"""Testing floor: nodes that say all that a run can say, at moments left to chance."""

import asyncio
import random
from datetime import timedelta
from typing import ClassVar, Final, Protocol

from tailrace.errors import ModelTimeoutError
from tailrace.events.asking import InputRequest, asking
from tailrace.events.event import JSON, StreamEvent
from tailrace.events.types import EventType, NodeType, Outcome, WorkflowStage
from tailrace.nodes.base import BaseNode
from tailrace.nodes.scope import RunScope
from tailrace.state.state import Intent, QueryType, WorkflowState
from tailrace.workflow.engine import WorkflowEngine


class Witness(Protocol):
    """Who is told what nodes do."""

    def stage_begins(self, run_id: str, stage: WorkflowStage, epoch: int) -> None:
        """The work on a stage begins, under `epoch`."""
        ...

    def answer_is(self, run_id: str, text: str) -> None:
        """An attempt has said its whole answer, and comes to the end of its stage."""
        ...


_PIECES: Final = ("The ", "water ", "flüsst 🌊 ", "away, ", "and ", "no drop ", "is lost.\n", "x")


class _Scripted(BaseNode):
    def __init__(self, chance: random.Random, witness: Witness) -> None:
        self._chance = chance
        self.witness = witness

    async def process(self, state: WorkflowState, scope: RunScope) -> WorkflowState:
        self.witness.stage_begins(state.run_id, self.stage, scope.streaming_manager.epoch)
        await self.say(scope, EventType.THINKING, self.title)
        await self._work(state, scope)
        if state.waiting_for is None:
            await self.end(state, scope, "Done")
        return state

    async def _work(self, state: WorkflowState, scope: RunScope) -> None:
        raise NotImplementedError

    async def _pass_time(self) -> None:
        """As long as a token takes, or none at all, or, rarely, as a model that stalls."""
        draw = self._chance.random()
        if draw < 0.05:
            await asyncio.sleep(3 * self._chance.random())
        elif draw < 0.7:
            await asyncio.sleep(0.1 * self._chance.random())

    def _happens(self, probability: float) -> bool:
        return self._chance.random() < probability


class _Intent(_Scripted):
    type: ClassVar[NodeType] = NodeType.INTENT
    stage: ClassVar[WorkflowStage] = WorkflowStage.INTENT_ANALYSIS
    title: ClassVar[str] = "Reading your question"

    async def _work(self, state: WorkflowState, scope: RunScope) -> None:
        await self._pass_time()
        query = state.query
        state.intent = Intent(
            type=QueryType.QA_ANALYSIS, original_query=query.text, enhanced_query=query.text
        )
        if query.interactive and len(query.inputs) < 2 and self._happens(0.5):
            at = scope.clock.now()
            request = InputRequest(
                request_id=f"question {len(query.inputs) + 1}",
                question="Which one?",
                expires_at=at + timedelta(seconds=scope.settings.input_timeout_s),
            )
            await scope.emit(asking(request, stage=self.stage, node=self.type, at=at))
            state.waiting_for = request


class _Context(_Scripted):
    type: ClassVar[NodeType] = NodeType.CONTEXT
    stage: ClassVar[WorkflowStage] = WorkflowStage.CONTEXT_GATHERING
    title: ClassVar[str] = "Looking through your documents"

    async def _work(self, state: WorkflowState, scope: RunScope) -> None:
        for number in range(self._chance.randrange(3)):
            await self._pass_time()
            source: dict[str, JSON] = {"id": str(number), "document_id": 1, "title": "Mill"}
            await self.say(scope, EventType.SOURCE, "", metadata=source)
        if self._happens(0.05):
            state.outcome = Outcome.INSUFFICIENT_CONTEXT


class _Executor(_Scripted):
    type: ClassVar[NodeType] = NodeType.EXECUTE
    stage: ClassVar[WorkflowStage] = WorkflowStage.EXECUTION
    title: ClassVar[str] = "Answering"

    async def _work(self, state: WorkflowState, scope: RunScope) -> None:
        count, told = self._chance.randrange(40), ""
        fails_at = self._chance.randrange(40) if self._happens(0.1) else None
        for number in range(count):
            if number == fails_at:
                msg = "the model was silent for too long"
                raise ModelTimeoutError(msg)
            if self._happens(0.1):
                await self.say(scope, EventType.REASONING_CHUNK, "hm ")
            text = self._chance.choice(_PIECES)
            told += text
            await scope.emit(
                StreamEvent(
                    type=EventType.STREAM_CHUNK,
                    content=text,
                    stage=self.stage,
                    node=self.type,
                    timestamp=scope.clock.now(),
                    metadata={"index": number},
                )
            )
            await self._pass_time()
        usage: dict[str, JSON] = {"prompt_tokens": 10, "completion_tokens": count}
        await self.say(scope, EventType.USAGE, "", metadata=usage)
        state.outcome = Outcome.ANSWERED
        self.witness.answer_is(state.run_id, told)


def scripted_engine(chance: random.Random, witness: Witness) -> WorkflowEngine:
    """An engine whose nodes do what `chance` says, and tell `witness`."""
    nodes = [kind(chance, witness) for kind in (_Intent, _Context, _Executor)]
    return WorkflowEngine({node.stage: node for node in nodes})
