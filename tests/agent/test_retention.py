"""What is old is let go of, in the background and when asked; what is not, stays."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from tailrace.agent import ContextAgent, erasing
from tailrace.agent.request import ChatRequest
from tailrace.agent.retention import LetGo, let_go, retaining
from tailrace.errors import HistoryTrimmedError, NotFoundError
from tailrace.events.types import Outcome
from tailrace.settings import Settings
from tailrace.stores.registry import erasing_of, open_stores
from tailrace.testing.agents import scripted_agent
from tailrace.testing.clock import FakeClock
from tailrace.testing.made_runs import AT, accepted_run
from tailrace.testing.model_script import Fault, Reply, classify_as
from tailrace.testing.trimming import ended_run

DAY_S = 24 * 3600.0


def clock_after(days: float) -> FakeClock:
    return FakeClock(AT + timedelta(days=days))


@pytest.mark.parametrize(
    ("days", "settings", "gone"),
    [
        (0.9, Settings(), LetGo()),
        (1.1, Settings(), LetGo(keys=1)),
        (8, Settings(), LetGo(keys=1, conversations=1)),
        (31, Settings(), LetGo(keys=1, conversations=1, events=6)),
        (999, Settings(events_kept_s=0, deleted_kept_s=0), LetGo(keys=1)),
        (
            999,
            Settings(messages_kept_s=100 * DAY_S),
            LetGo(keys=1, conversations=2, runs=1, events=6),
        ),
    ],
)
async def test_each_kind_of_thing_is_kept_as_long_as_the_settings_say(
    tmp_path: Path, days: float, settings: Settings, gone: LetGo
) -> None:
    store, _ = await open_stores(Settings(home=tmp_path))
    kept = await store.create_conversation("", "home", {}, AT)
    deleted = await store.create_conversation("", "home", {}, AT)
    for conversation_id in (kept.id, deleted.id, None):
        await ended_run(store, ["A plan."], conversation_id=conversation_id)
    await store.delete_conversation(deleted.id, "", AT)
    live = await accepted_run(store, key="key")
    clock, remover = clock_after(days), erasing_of(store)
    assert await let_go(store, remover, settings, clock) == gone
    assert await let_go(store, remover, settings, clock) == LetGo()
    assert (await store.read(live.run.run_id, 0, 9)) == [live.first_event]
    await store.aclose()


async def test_old_events_go_by_themselves_and_the_answer_stays(tmp_path: Path) -> None:
    store, _ = await open_stores(Settings(home=tmp_path))
    conversation = await store.create_conversation("", "home", {}, AT)
    log = await ended_run(store, ["A ", "plan."], conversation_id=conversation.id)
    messages, clock = await store.list_messages(conversation.id, ""), clock_after(31)
    async with asyncio.timeout(20), retaining(store, erasing_of(store), Settings(), clock):
        while (
            not (await store.trimmable(clock.now())).done
            or (await store.get_run(log[0].event.run_id, "")).trimmed_seq == 0
        ):
            pass  # nobody is told that a round is over: look again, each time at what is committed
    with pytest.raises(HistoryTrimmedError):
        await store.read(log[0].event.run_id, 0, 9)
    assert await store.list_messages(conversation.id, "") == messages
    await store.aclose()


async def test_what_is_erased_is_stopped_first(tmp_path: Path) -> None:
    script = classify_as("simple_chat", Reply(text="The heron", fault=Fault.mute()))
    async with asyncio.timeout(20), scripted_agent(tmp_path, script) as (agent, _):
        conversation = await agent.parts.store.create_conversation("", "home", {}, AT)
        runs = [
            await agent.start(ChatRequest(query=f"hello {n}", conversation_id=conversation.id))
            for n in range(2)
        ]
        lone = await agent.start(ChatRequest(query="hello"))
        with pytest.raises(NotFoundError):
            await erasing.erase_conversation(agent, conversation.id, owner="ada")
        with pytest.raises(NotFoundError):
            await erasing.erase_run(agent, lone.run_id, owner="ada")
        assert len(await agent.parts.store.live_runs()) == 3
        await erasing.erase_conversation(agent, conversation.id)
        await erasing.erase_run(agent, lone.run_id)
        await erasing.wipe(agent)
        for run in [*runs, lone]:
            with pytest.raises(NotFoundError):
                await agent.parts.store.get_run(run.run_id, "")


async def test_pruning_says_what_it_would_do_and_then_does_it(tmp_path: Path) -> None:
    async with scripted_agent(tmp_path) as (agent, _):
        events = [event async for event in agent.process_stream(ChatRequest(query="The budget?"))]
        others = await agent.start(ChatRequest(query="The budget?"), owner="ada")
        await agent.passed(others.run_id, owner="ada")
        gone = len(events) - 1
        would = await erasing.prune(agent, timedelta(0), dry_run=True)
        did = await erasing.prune(agent, timedelta(0))
        assert (would.runs, would.events, would.done) == (1, gone, True)
        assert (did.runs, did.events, did.done) == (1, gone, True)
        state = await agent.get_state(events[0].run_id)
        assert events[-1].metadata["outcome"] == Outcome.ANSWERED
        assert (await agent.parts.store.get_run(others.run_id, "ada")).trimmed_seq == 0
        assert state["stage"] == "completed"


async def test_a_home_is_tidied_by_whoever_opens_it(tmp_path: Path) -> None:
    store, _ = await open_stores(Settings(home=tmp_path))
    log = await ended_run(store, ["A plan."])
    await store.aclose()
    async with (
        asyncio.timeout(20),
        ContextAgent.open(Settings(home=tmp_path), clock_after(31)) as agent,
    ):
        while not (await agent.parts.store.get_run(log[0].event.run_id, "")).trimmed_seq:
            pass  # as above
