"""The fake clock moves only when it is told to."""

from datetime import timedelta

import pytest

from tailrace._clock import Clock
from tailrace.testing.clock import FakeClock


async def test_it_moves_by_what_it_is_advanced_and_slept() -> None:
    fake = FakeClock()
    clock: Clock = fake
    start = clock.now()
    fake.advance(1.5)
    await fake.sleep(2.0)
    assert (clock.monotonic_s(), clock.now() - start, fake.slept_s) == (
        3.5,
        timedelta(seconds=3.5),
        [2.0],
    )


def test_it_does_not_run_backwards() -> None:
    with pytest.raises(ValueError, match="-1"):
        FakeClock().advance(-1)
