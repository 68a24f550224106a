"""Usage is summed over the run, however slow the disk is."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from tailrace._clock import SYSTEM_CLOCK
from tailrace.context.search import ContextIndex
from tailrace.events.ending import ending
from tailrace.events.logged import LoggedEvent
from tailrace.events.types import EventType, Outcome, WorkflowStage
from tailrace.llm.base import Usage
from tailrace.llm.registry import open_llm
from tailrace.nodes.intent import IntentNode
from tailrace.nodes.scope import RunScope
from tailrace.nodes.spending import say_usage
from tailrace.settings import Settings
from tailrace.stores.base import FinalState, StageResult
from tailrace.stores.sqlite.documents import SqliteDocuments
from tailrace.stores.sqlite.store import SQLiteStore
from tailrace.streaming.manager import StreamingManager
from tailrace.testing.made_runs import accepted_run


class SlowStore(SQLiteStore):
    """The real store, whose commits wait at a gate."""

    gate: asyncio.Event

    def append(
        self,
        run_id: str,
        epoch: int,
        first_seq: int,
        events: Sequence[LoggedEvent],
        *,
        stage: WorkflowStage | None = None,
        stage_result: StageResult | None = None,
        final_state: FinalState | None = None,
    ) -> "asyncio.Future[int]":
        real = super().append

        async def commit() -> int:
            await self.gate.wait()
            return await real(
                run_id,
                epoch,
                first_seq,
                events,
                stage=stage,
                stage_result=stage_result,
                final_state=final_state,
            )

        return asyncio.ensure_future(commit())


async def test_a_sum_counts_calls_whose_usage_still_waits_for_its_commit(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, models_folder=tmp_path / "models")
    store = await SlowStore.open(tmp_path / "tailrace.db")
    store.gate = asyncio.Event()
    documents = SqliteDocuments(store.database)
    llm = open_llm(settings)
    accepted = await accepted_run(store)
    manager = StreamingManager(accepted.run, accepted.first_event, store, 1_000_000)
    scope = RunScope(
        streaming_manager=manager,
        llm=llm,
        context=ContextIndex(documents),
        documents=documents,
        settings=settings,
        clock=SYSTEM_CLOCK,
        deadline_s=SYSTEM_CLOCK.monotonic_s() + 60,
    )
    node = IntentNode()
    call = Usage(prompt_tokens=10, completion_tokens=1)
    async with asyncio.timeout(20):
        await node.say(scope, EventType.THINKING, "its commit waits at the gate")
        store.gate.set()
        await say_usage(node, scope, call)
        await say_usage(node, scope, call)
        await manager.emit(ending(Outcome.ANSWERED, SYSTEM_CLOCK.now()))
    assert manager.fold.usage == {
        "prompt_tokens": 20,
        "completion_tokens": 2,
        "calls": 2,
        "source": "reported",
    }
    await llm.aclose()
    await store.aclose()
