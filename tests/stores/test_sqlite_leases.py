"""Two processes on one SQLite file never have the same run."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tailrace.stores.sqlite.database import Synchronous
from tailrace.stores.sqlite.store import SQLiteStore
from tailrace.testing.clock import FakeClock
from tailrace.testing.leases import CHECKS, Shared


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_sqlite_keeps_leases(
    tmp_path: Path, check: Callable[[Shared], Awaitable[None]]
) -> None:
    clock, path = FakeClock(), tmp_path / "home.db"
    one = await SQLiteStore.open(path, Synchronous.NORMAL, clock)
    two = await SQLiteStore.open(path, Synchronous.NORMAL, clock)
    try:
        await check(Shared(one=one, two=two, pass_time=clock.sleep))
    finally:
        await two.aclose()
        await one.aclose()
