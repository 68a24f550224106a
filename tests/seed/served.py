"""What a test is given: a real server on its documents, and a model that knows what to say."""

import asyncio
import dataclasses
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import NamedTuple

import httpx2

from tailrace.agent import ContextAgent
from tailrace.events.event import JSON, StreamEvent
from tailrace.llm.base import Delta, FinishReason, LLMClient, LLMRequest, ModelInfo, Usage, Wait
from tailrace.testing.model_script import ChatRequest, Reply, Script, classify_as, script_player
from tailrace.testing.model_server import ScriptedModelServer
from tailrace.wire.sse import SSEDecoder

CHAT = "simple_chat"
QUESTION = "qa_analysis"
EDIT = "document_edit"
WRITE = "content_generation"
UNCLEAR = "clarification_needed"


class Served(NamedTuple):
    """A server that runs, what it is made of, and an HTTP client."""

    agent: ContextAgent
    model: ScriptedModelServer
    http: httpx2.AsyncClient


Serve = Callable[..., AbstractAsyncContextManager[Served]]


def knowing(known: Mapping[str, tuple[str, Reply]]) -> Script:
    """A model that goes by the question, which it is told last: to its intent and its reply."""

    def choose(request: ChatRequest) -> Reply:
        question = max(known, key=request.text.rfind)
        intent, reply = known[question]
        fields = {"question": "Which one do you mean?"}
        return script_player(classify_as(intent, reply, fields))(request)

    return choose


def _nothing() -> None:
    pass


class Saying:
    """A model client of one's own, which says `deltas` whatever it is asked.

    Attributes:
        turns: Whether the loop gets a turn after each.
        begins: Called before the first.
        ends: Called after the last was taken.
    """

    info = ModelInfo(name="saying")

    def __init__(
        self,
        deltas: Sequence[Delta],
        *,
        turns: bool = False,
        begins: Callable[[], None] = _nothing,
        ends: Callable[[], None] = _nothing,
    ) -> None:
        self._deltas = deltas
        self._turns = turns
        self._begins = begins
        self._ends = ends

    async def stream(self, request: LLMRequest) -> AsyncGenerator[Delta, None]:
        del request
        self._begins()
        for delta in self._deltas:
            yield delta
            if self._turns:
                await asyncio.sleep(0)
        self._ends()
        yield Delta(finish_reason=FinishReason.STOP)

    async def complete_json(
        self,
        request: LLMRequest,
        on_wait: Callable[[Wait], Awaitable[None]] | None = None,
    ) -> tuple[dict[str, JSON], Usage]:
        del request, on_wait
        usage = Usage(prompt_tokens=1, completion_tokens=1)
        return {"type": CHAT, "question": "", "enhanced_query": ""}, usage

    async def aclose(self) -> None:
        pass


def take_model(agent: ContextAgent, llm: LLMClient) -> None:
    """Let `agent` ask `llm` from now on."""
    agent.parts = dataclasses.replace(agent.parts, llm=llm)


async def log_of(http: httpx2.AsyncClient, run_id: str) -> list[StreamEvent]:
    """All events of a run, to its end."""
    response = await http.get(f"/api/agent/runs/{run_id}/events")
    frames = SSEDecoder().feed(response.content)
    return [StreamEvent.from_json_bytes(frame.data.encode()) for frame in frames]
