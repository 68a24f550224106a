"""The simulation finds what it is there to find: stores with one promise broken each."""

from collections.abc import Sequence

import pytest

from tailrace.events.logged import LoggedEvent
from tailrace.testing.memory_runs import Kept
from tailrace.testing.memory_store import MemoryStore
from tailrace.testing.simulation.world import MakeStore, simulate

WORLDS = 150


class WithoutFence(MemoryStore):
    """Takes events from a worker that has lost its run."""

    def _check_epoch(self, kept: Kept, epoch: int) -> None:
        """Nothing."""

    def _follows(self, kept: Kept, epoch: int, first_seq: int) -> bool:
        is_stale = epoch != kept.row.epoch and kept.is_open
        return is_stale or super()._follows(kept, epoch, first_seq)


class WithoutIdempotence(MemoryStore):
    """Keeps an append that comes again as if it were a new one."""

    def _repeat(self, kept: Kept, epoch: int, first_seq: int, events: Sequence[LoggedEvent]) -> int:
        last_seq = super()._repeat(kept, epoch, first_seq, events)
        if kept.is_open:
            kept.events.extend(events)
            kept.set(last_seq=last_seq + len(events))
        return last_seq


class WithoutEpochAtCancel(MemoryStore):
    """Ends a run and leaves its worker its number, which is all that an append is checked for."""

    def _raise_epoch(self, kept: Kept) -> None:
        """Nothing."""

    def _follows(self, kept: Kept, epoch: int, first_seq: int) -> bool:
        is_trusted = kept.row.epoch == epoch and not kept.is_open
        return is_trusted or super()._follows(kept, epoch, first_seq)


@pytest.mark.parametrize("store", [WithoutFence, WithoutIdempotence, WithoutEpochAtCancel])
def test_a_store_that_breaks_a_promise_is_found(store: MakeStore) -> None:
    assert any(simulate(seed, store).broken for seed in range(WORLDS))
