"""Whatever is asked of SQLite, in whatever order, it answers as the store in memory does.

The store in memory is the model: both get the same calls, and after each step everything that can
be read is the same. A crash copies the files as they are, with an append in flight, and goes on
with the copy, as whoever opens a home after a kill does.
"""

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Coroutine, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tailrace._ids import new_run_id
from tailrace.errors import TailraceError
from tailrace.events.asking import InputRequest, answering, asking
from tailrace.events.event import StreamEvent
from tailrace.events.logged import LoggedEvent
from tailrace.events.types import NodeType, Outcome, WorkflowStage
from tailrace.stores.base import FinalState, NewRun, StageResult, Store
from tailrace.stores.sqlite.database import Synchronous
from tailrace.stores.sqlite.store import SQLiteStore
from tailrace.testing.clock import FakeClock
from tailrace.testing.made_runs import AT, LEASE_S, chunks, closing, placed
from tailrace.testing.memory_runs import Kept
from tailrace.testing.memory_store import MemoryStore

Call = Callable[[Store], Coroutine[Any, Any, object]]

_WORKERS = ("one", "two")
_PICKS = st.integers(0, 9)


class Machine(RuleBasedStateMachine):
    """One home, and what it should be."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="tailrace-"))
        self.opened = 0
        self.runner = asyncio.Runner()
        self.clock = FakeClock(AT)
        self.model = MemoryStore(self.clock)
        self.store = self.runner.run(self.open())

    def teardown(self) -> None:
        self.runner.run(self.store.aclose())
        self.runner.close()
        shutil.rmtree(self.folder)

    @property
    def path(self) -> Path:
        return self.folder / f"{self.opened}.db"

    async def open(self) -> SQLiteStore:
        return await SQLiteStore.open(self.path, Synchronous.NORMAL, self.clock)

    def run_of(self, pick: int) -> Kept:
        runs = list(self.model.kept.values())
        return runs[pick % len(runs)]

    def both(self, call: Call) -> object:
        """What both stores make of `call`, which has to be the same."""
        expected, found = self.runner.run(_outcomes(call, self.model, self.store))
        assert found == expected
        return found

    def append(
        self,
        kept: Kept,
        events: Sequence[LoggedEvent],
        stage: WorkflowStage | None = None,
        result: StageResult | None = None,
        final: FinalState | None = None,
    ) -> None:
        async def call(store: Store) -> object:
            return await store.append(
                kept.row.run_id,
                events[0].event.epoch,
                events[0].seq,
                events,
                stage=stage,
                stage_result=result,
                final_state=final,
            )

        self.both(call)

    @initialize()
    def a_conversation(self) -> None:
        self.both(lambda store: store.create_conversation("", "home", {}, AT))

    @rule(in_conversation=st.booleans(), key=st.sampled_from([None, "a", "b"]), pick=_PICKS)
    def create(self, *, in_conversation: bool, key: str | None, pick: int) -> None:
        run = NewRun(
            run_id=new_run_id(),
            owner="",
            query="What is in the plan?",
            request={},
            session_id="session",
            conversation_id=1 if in_conversation else None,
            idempotency_key=key,
            request_sha256=f"hash {pick % 2}",
            created_at=self.clock.now(),
            worker=(None, *_WORKERS)[pick % 3],
            lease_s=LEASE_S,
        )
        self.both(lambda store: store.create(run))

    @precondition(lambda self: self.model.kept)
    @rule(pick=_PICKS, worker=st.sampled_from(_WORKERS))
    def claim(self, pick: int, worker: str) -> None:
        run_id = self.run_of(pick).row.run_id
        self.both(lambda store: store.claim(run_id, worker=worker, lease_s=LEASE_S))

    @precondition(lambda self: self.model.kept)
    @rule(pick=_PICKS, stale=st.integers(0, 1))
    def heartbeat_or_release(self, pick: int, stale: int) -> None:
        row = self.run_of(pick).row
        epoch = row.epoch - stale
        self.both(lambda store: store.heartbeat(row.run_id, epoch, LEASE_S))
        if pick % 3 == 0:
            self.both(lambda store: store.release(row.run_id, epoch))

    @precondition(lambda self: self.model.kept)
    @rule(
        pick=_PICKS,
        texts=st.lists(st.text(max_size=4), min_size=1, max_size=3),
        stale=st.sampled_from([0, 0, 0, 1]),
        back=st.sampled_from([0, 0, 0, -1, 1, 2]),
        ends=st.sampled_from([None, None, WorkflowStage.INTENT_ANALYSIS, WorkflowStage.EXECUTION]),
    )
    def write(
        self, pick: int, texts: list[str], stale: int, back: int, ends: WorkflowStage | None
    ) -> None:
        """Events where they belong, under a stale epoch, again, or with a gap."""
        kept = self.run_of(pick)
        epoch, first = kept.row.epoch - stale, max(2, kept.row.last_seq + 1 - back)
        result = StageResult(stage=ends, output={"of": epoch}) if ends else None
        written = chunks(kept.row.run_id, first, texts, epoch)
        self.append(kept, written, ends, result)
        self.append(kept, written, ends, result)

    @precondition(lambda self: self.model.kept)
    @rule(pick=_PICKS, outcome=st.sampled_from([Outcome.ANSWERED, Outcome.CANCELLED]))
    def end(self, pick: int, outcome: Outcome) -> None:
        kept = self.run_of(pick)
        if kept.is_open:
            terminal, final = closing(kept.events, outcome, kept.row.epoch)
            self.append(kept, [terminal], terminal.event.stage, final=final)

    @precondition(lambda self: self.model.kept)
    @rule(pick=_PICKS)
    def ask(self, pick: int) -> None:
        row = self.run_of(pick).row
        asked = placed(row.run_id, row.last_seq + 1, _question(row.last_seq), row.epoch)
        self.append(self.run_of(pick), [asked], WorkflowStage.INTENT_ANALYSIS)

    @precondition(lambda self: self.model.kept)
    @rule(pick=_PICKS, text=st.sampled_from("ab"))
    def answer(self, pick: int, text: str) -> None:
        row = self.run_of(pick).row
        event = answering(_question(row.last_seq - 1), text, self.clock.now())
        answer = placed(row.run_id, row.last_seq + 1, event, row.epoch + 1)

        async def call(store: Store) -> object:
            return await store.resume(row.run_id, answer, worker="one", lease_s=LEASE_S)

        self.both(call)
        self.both(call)

    @precondition(lambda self: self.model.kept)
    @rule(pick=_PICKS, fails=st.booleans())
    def close(self, pick: int, *, fails: bool) -> None:
        run_id, at = self.run_of(pick).row.run_id, self.clock.now()
        if fails:
            self.both(lambda store: store.fail(run_id, TailraceError("it was lost"), at))
        else:
            self.both(lambda store: store.cancel(run_id, at))

    @rule(limit=st.integers(1, 4))
    def trim(self, limit: int) -> None:
        before = self.clock.now() - timedelta(seconds=2 * LEASE_S)
        self.both(lambda store: store.trimmable(before))
        self.both(lambda store: store.trim(before, limit))

    @rule(seconds=st.sampled_from([1.0, LEASE_S, 3 * LEASE_S]))
    def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @precondition(lambda self: self.model.kept)
    @rule(pick=_PICKS)
    def crash(self, pick: int) -> None:
        """The files as they are, while an append is on its way; what was acknowledged is there."""
        kept = self.run_of(pick)
        epoch, first = kept.row.epoch, kept.row.last_seq + 1
        events = chunks(kept.row.run_id, first, ["in flight"], epoch)
        self.runner.run(self._crash(kept, epoch, events))
        found = self.runner.run(self.store.get_run(kept.row.run_id, ""))
        if found.last_seq == first:
            self.runner.run(_outcome(_appending(kept.row.run_id, epoch, events), self.model))

    async def _crash(self, kept: Kept, epoch: int, events: Sequence[LoggedEvent]) -> None:
        call = _appending(kept.row.run_id, epoch, events)
        in_flight = asyncio.ensure_future(_outcome(call, self.store))
        await asyncio.sleep(0)
        old = self.path
        self.opened += 1
        shutil.copy(old, self.path)
        shutil.copy(f"{old}-wal", f"{self.path}-wal")
        await in_flight
        await self.store.aclose()
        self.store = await self.open()

    @invariant()
    def both_are_the_same(self) -> None:
        self.both(_everything)


def _appending(run_id: str, epoch: int, events: Sequence[LoggedEvent]) -> Call:
    async def call(store: Store) -> object:
        return await store.append(run_id, epoch, events[0].seq, events)

    return call


async def _outcome(call: Call, store: Store) -> object:
    """What comes of it: a result, or the class of an error."""
    try:
        return await call(store)
    except TailraceError as error:
        return type(error)


async def _outcomes(call: Call, *stores: Store) -> list[object]:
    return [await _outcome(call, store) for store in stores]


async def _everything(store: Store) -> object:
    runs = await store.list_runs("", 1_000, None)
    told: list[object] = [runs, await store.live_runs(), await store.live_runs("one")]
    told += [await store.lost_runs("two", 2), await store.list_messages(1, "")]
    for run in runs:
        told += [
            await store.read(run.run_id, run.trimmed_seq, 1_000),
            await _outcome(lambda each, run=run: each.read(run.run_id, 0, 1), store),
            await store.stage_results(run.run_id) if not run.trimmed_seq else None,
            await store.snapshot(run.run_id),
        ]
    return told


def _question(number: int) -> StreamEvent:
    until = AT + timedelta(days=7)
    request = InputRequest(request_id=str(number), question="Which plan?", expires_at=until)
    return asking(request, stage=WorkflowStage.INTENT_ANALYSIS, node=NodeType.INTENT, at=AT)


def _many(examples: int, steps: int) -> settings:
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )


def test_sqlite_does_what_the_model_does() -> None:
    run_state_machine_as_test(Machine, settings=_many(15, 25))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_sqlite_does_what_the_model_does_for_long() -> None:
    run_state_machine_as_test(Machine, settings=_many(1_000, 60))
