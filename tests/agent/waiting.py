"""What the tests of waiting runs share: an agent whose model asks back, and a run that waits."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

from tailrace._clock import SYSTEM_CLOCK
from tailrace.agent import ChatRequest, ContextAgent
from tailrace.events.asking import InputRequest
from tailrace.events.ending import content_sha256
from tailrace.events.event import StreamEvent
from tailrace.events.types import EventType
from tailrace.settings import Settings
from tailrace.stores.base import RunState
from tailrace.stores.conversations import MessageStatus
from tailrace.testing.agents import scripted_agent
from tailrace.testing.clock import FakeClock
from tailrace.testing.model_script import Reply, ask_back
from tailrace.testing.model_server import ScriptedModelServer

VAGUE = "Do it like the other one"
ASKED = "Which plan do you mean?"
TOLD = "I mean the budget of the harbour"
ANSWER = "It is 40,000 euros."
SCRIPT = ask_back(ASKED, "qa_analysis", Reply(ANSWER))
WAITS = (RunState.WAITING, MessageStatus.PENDING)


@asynccontextmanager
async def agent_at(
    home: Path, settings: Settings | None = None, clock: FakeClock | None = None
) -> AsyncGenerator[tuple[ContextAgent, ScriptedModelServer]]:
    async with (
        asyncio.timeout(30),
        scripted_agent(home, SCRIPT, settings=settings, clock=clock or SYSTEM_CLOCK) as (
            agent,
            model,
        ),
    ):
        yield agent, model


async def until_asked(agent: ContextAgent, run_id: str) -> InputRequest:
    async with aclosing(agent.watch(run_id)) as events:
        async for event in events:
            if event.type is EventType.INPUT_REQUIRED:
                return InputRequest.of(event)
    msg = "the run ended and asked nothing"
    raise AssertionError(msg)


async def asking_run(
    agent: ContextAgent, query: str = VAGUE, conversation_id: int | None = None
) -> tuple[str, InputRequest]:
    """A run that waits for its user, and what it asks."""
    request = ChatRequest(query=query, interactive=True, conversation_id=conversation_id)
    run = await agent.start(request)
    asked = await until_asked(agent, run.run_id)
    await agent.passed(run.run_id)
    return run.run_id, asked


async def new_conversation(agent: ContextAgent) -> int:
    store = agent.parts.store
    return (await store.create_conversation("", "home", {}, SYSTEM_CLOCK.now())).id


async def standing(agent: ContextAgent, run_id: str) -> tuple[RunState, MessageStatus]:
    run = await agent.parts.store.get_run(run_id, "")
    assert run.assistant_message_id is not None
    message = await agent.parts.store.get_message(run.assistant_message_id, "")
    return run.state, message.status


async def whole(agent: ContextAgent, run_id: str) -> list[StreamEvent]:
    """The run's events to its end, each checked against the rules of a log."""
    events = [event async for event in agent.watch(run_id)]
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert [event.is_terminal for event in events].index(True) == len(events) - 1
    assert events[-1].metadata["content_sha256"] == content_sha256(text_of(events))
    return events


def text_of(events: Sequence[StreamEvent]) -> str:
    return "".join(event.content for event in events if event.type is EventType.STREAM_CHUNK)
