"""Stopping a run where it stands: at its search, and in the queue for a place."""

import asyncio
from pathlib import Path

from tailrace.agent import ChatRequest, default_engine
from tailrace.nodes.context import ContextNode
from tailrace.nodes.scope import RunScope
from tailrace.settings import Settings
from tailrace.state.state import WorkflowState
from tailrace.stores.base import RunState
from tailrace.testing.agents import scripted_agent
from tailrace.testing.model_script import Fault, Reply, classify_as


class EndlessSearch(ContextNode):
    """A search that finds nothing and never says so."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = asyncio.Event()
        self.left = asyncio.Event()

    async def process(self, state: WorkflowState, scope: RunScope) -> WorkflowState:
        del scope  # it speaks of nothing
        self.begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.left.set()
        return state


async def test_a_stop_during_the_search_ends_the_search_and_nothing_follows(
    tmp_path: Path,
) -> None:
    search = EndlessSearch()
    async with (
        asyncio.timeout(20),
        scripted_agent(
            tmp_path, classify_as("qa_analysis", Reply("No.")), engine=default_engine(search)
        ) as (agent, model),
    ):
        run = await agent.start(ChatRequest(query="What is in the harbour plan?"))
        await search.begun.wait()
        ended = await agent.cancel(run.run_id)
        await search.left.wait()
        assert (ended.state, await agent.cancel(run.run_id)) == (RunState.CANCELLED, ended)
        events = [event async for event in agent.watch(run.run_id)]
        assert (events[-1].type.value, events[-1].seq) == ("interrupted", ended.last_seq)
        assert len(model.requests) == 1


async def test_a_run_that_is_stopped_in_the_queue_never_begins_and_keeps_no_place(
    tmp_path: Path,
) -> None:
    stalls = Reply(chunks=["one ", "two"], fault=Fault.stall(after=1))
    async with (
        asyncio.timeout(20),
        scripted_agent(
            tmp_path,
            classify_as("simple_chat", [stalls, Reply("Third.")]),
            settings=Settings(max_runs_at_work=1),
        ) as (agent, model),
    ):
        first, second, third = [
            await agent.start(ChatRequest(query=f"{owner}?"), owner=owner) for owner in "abc"
        ]
        await model.wait_for_request(2)
        ended = await agent.cancel(second.run_id, owner="b")
        assert (ended.state, ended.attempts, ended.last_seq) == (RunState.CANCELLED, 0, 2)
        await agent.cancel(first.run_id, owner="a")
        answered = await agent.passed(third.run_id, owner="c")
        assert answered["success"] is True
        assert not any("b?" in request.chat.text for request in model.requests)
