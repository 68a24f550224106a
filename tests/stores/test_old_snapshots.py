"""Runs that ended before snapshots were kept lose nothing."""

from pathlib import Path

from tailrace.events.fold import RunFold
from tailrace.stores.sqlite import rows
from tailrace.stores.sqlite.store import SQLiteStore
from tailrace.streaming.viewer import snapshot_ended
from tailrace.testing.trimming import LATER, ended_run


async def test_what_an_old_run_amounts_to_is_kept_before_its_events_go(tmp_path: Path) -> None:
    store = await SQLiteStore.open(tmp_path / "home.db")
    log = await ended_run(store, ["The ", "plan."])
    fold, run_id = RunFold(), log[0].event.run_id
    for logged in log:
        fold.apply(logged.event)
    await store.database.write(lambda c: rows.rows(c, "DELETE FROM snapshots"))
    run = await store.get_run(run_id, "")
    assert await store.snapshot(run_id) is None
    assert await snapshot_ended(run, store) == fold.snapshot()
    for _ in range(len(log)):  # event by event: the first of them must not go without it
        await store.trim(LATER, 1)
        assert await store.snapshot(run_id) == fold.snapshot()
    await store.aclose()
