"""Patience: it ends a wait at its moment, and never touches a cancel that is somebody else's."""

import asyncio

import pytest

from tailrace._clock import SYSTEM_CLOCK
from tailrace.llm.deadline import Patience
from tailrace.testing.clock import FakeClock


async def for_ever() -> None:
    await asyncio.get_running_loop().create_future()


async def at_once() -> str:
    return "here"


def in_s(seconds: float) -> float:
    return SYSTEM_CLOCK.monotonic_s() + seconds


async def test_a_wait_ends_at_its_moment_and_the_next_one_has_its_own() -> None:
    patience = Patience(SYSTEM_CLOCK)
    async with asyncio.timeout(10):
        assert await patience.wait(at_once, in_s(9)) == "here"
        for _ in range(2):
            with pytest.raises(TimeoutError):
                await patience.wait(for_ever, in_s(0.01))
        assert await patience.wait(at_once, in_s(9)) == "here"
        with pytest.raises(TimeoutError):
            await patience.wait(for_ever, in_s(0.01))
    patience.close()


async def test_nothing_is_started_once_its_moment_has_passed() -> None:
    clock = FakeClock()
    patience = Patience(clock)
    clock.advance(5)
    with pytest.raises(TimeoutError):
        await patience.wait(at_once, 5.0)


async def test_a_cancel_from_outside_stays_one() -> None:
    patience = Patience(SYSTEM_CLOCK)
    waiting = asyncio.create_task(patience.wait(for_ever, in_s(60)))
    await asyncio.sleep(0)
    waiting.cancel()
    async with asyncio.timeout(10):
        with pytest.raises(asyncio.CancelledError):
            await waiting
    patience.close()


async def test_a_cancel_that_comes_with_the_deadline_wins() -> None:
    async def cancelled_twice() -> None:
        try:
            await for_ever()
        except asyncio.CancelledError:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
            raise

    patience = Patience(SYSTEM_CLOCK)
    waiting = asyncio.create_task(patience.wait(cancelled_twice, in_s(0.01)))
    async with asyncio.timeout(10):
        with pytest.raises(asyncio.CancelledError):
            await waiting
    patience.close()


async def test_a_deadline_that_rings_between_two_waits_harms_nobody() -> None:
    clock = FakeClock()
    patience = Patience(clock)
    rang = asyncio.Event()
    assert await patience.wait(at_once, 0.01) == "here"
    asyncio.get_running_loop().call_later(0.05, rang.set)
    async with asyncio.timeout(10):
        await rang.wait()
    assert await patience.wait(at_once, 60.0) == "here"
    patience.close()
