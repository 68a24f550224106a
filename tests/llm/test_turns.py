"""Turns: first come, first served, and nobody waits for one who left."""

import asyncio

import pytest

from tailrace.errors import ModelRateLimitedError
from tailrace.llm.turns import Turns


async def test_those_behind_move_up_when_somebody_leaves() -> None:
    turns = Turns(max_waiting=2)
    first, second, third = turns.join(), turns.join(), turns.join()
    assert [first.ahead(), second.ahead(), third.ahead()] == [0, 1, 2]
    second.leave()
    async with asyncio.timeout(5):
        await third.moved()
    assert [first.ahead(), third.ahead()] == [0, 1]
    first.leave()
    async with asyncio.timeout(5):
        await third.moved()
    assert third.ahead() == 0


async def test_a_full_queue_refuses_the_next() -> None:
    turns = Turns(max_waiting=1)
    served, waiting = turns.join(), turns.join()
    with pytest.raises(ModelRateLimitedError):
        turns.join()
    served.leave()
    assert (turns.join().ahead(), waiting.ahead()) == (1, 0)
