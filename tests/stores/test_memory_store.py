"""MemoryStore keeps the contract, so that what is simulated over it holds for SQLite too."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest

from tailrace.stores.base import Store
from tailrace.testing import leases, stores
from tailrace.testing.clock import FakeClock
from tailrace.testing.memory_store import MemoryStore


@pytest.mark.parametrize("check", stores.CHECKS, ids=lambda check: check.__name__)
async def test_memory_keeps_the_contract(check: Callable[[Store], Awaitable[None]]) -> None:
    await check(MemoryStore())


@pytest.mark.parametrize("check", leases.CHECKS, ids=lambda check: check.__name__)
async def test_memory_keeps_leases(
    check: Callable[[leases.Shared], Awaitable[None]],
) -> None:
    clock = FakeClock(datetime(2026, 1, 2, tzinfo=UTC))
    store = MemoryStore(clock)
    await check(leases.Shared(one=store, two=store, pass_time=clock.sleep))
