"""Testing kit: proves that a store keeps what its ended runs amount to, and their order."""

from tailrace.events.fold import RunFold
from tailrace.events.types import Outcome
from tailrace.stores.base import Store
from tailrace.testing.made_runs import AT, accepted_run, chunks, claimed
from tailrace.testing.trimming import LATER, ended_run


async def check_an_ended_run_keeps_what_it_amounts_to(store: Store) -> None:
    """All but the terminal event, in one; a live run has none; it outlives the events."""
    log = await ended_run(store, ["The ", "plan."])
    run_id, fold = log[0].event.run_id, RunFold()
    for logged in log[:-1]:
        fold.apply(logged.event)
    assert await store.snapshot(run_id) == fold.snapshot()
    await store.trim(LATER, 100)
    assert await store.snapshot(run_id) == fold.snapshot()
    live = await accepted_run(store)
    assert await store.snapshot(live.run.run_id) is None
    assert await store.snapshot("no such run") is None


async def check_a_run_that_the_store_closed_has_one_too(store: Store) -> None:
    """The text that came before a cancel is in it."""
    accepted = await accepted_run(store)
    run_id = accepted.run.run_id
    run = await claimed(store, run_id)
    await store.append(run_id, run.epoch, 2, chunks(run_id, 2, ["Half ", "an"]))
    await store.cancel(run_id, AT)
    snapshot = await store.snapshot(run_id)
    assert snapshot is not None, "a run that was cancelled keeps no snapshot"
    assert (snapshot.seq, snapshot.event.content) == (3, "Half an")
    fold = RunFold.restored(snapshot.event)
    for logged in await store.read(run_id, snapshot.seq, 10):
        fold.apply(logged.event)
    assert fold.terminal is not None
    assert fold.terminal.metadata["outcome"] == Outcome.CANCELLED.value


async def check_runs_of_a_conversation_come_in_their_order(store: Store) -> None:
    """Page by page, and no run of another conversation."""
    ours = await store.create_conversation("", "home", {}, AT)
    other = await store.create_conversation("", "home", {}, AT)
    ids: list[str] = []
    for _ in range(3):
        accepted = await accepted_run(store, conversation_id=ours.id)
        ids.append(accepted.run.run_id)
        await accepted_run(store, conversation_id=other.id)
    for start, after in enumerate([None, *ids]):
        for limit in (1, 10):
            found = await store.conversation_runs(ours.id, after, limit)
            assert [run.run_id for run in found] == ids[start:][:limit]


CHECKS = (
    check_an_ended_run_keeps_what_it_amounts_to,
    check_a_run_that_the_store_closed_has_one_too,
    check_runs_of_a_conversation_come_in_their_order,
)
