"""Quota: places are few, and owners take turns."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrace.agent.quota import Quota
from tailrace.errors import TooManyRunsError
from tailrace.testing.clock import FakeClock

AT_WORK: Final = 3
LIVE: Final = 2

Step = tuple[str, int]
STEPS = st.lists(
    st.tuples(st.sampled_from("abcabc--x="), st.integers(0, 9)), min_size=20, max_size=60
)
"""An owner that asks for a place; `-`: a run at work ends; `x`: one that waits is cancelled; `=`:
both in the same turn of the loop."""


class Office:
    """Runs that ask a quota for places; what they got, in order."""

    def __init__(self, quota: Quota) -> None:
        self.quota = quota
        self.asking: dict[asyncio.Task[None], str] = {}
        self.at_work: dict[asyncio.Task[None], str] = {}
        self.got: list[tuple[str, int]] = []
        self.asked: Counter[str] = Counter()

    async def _run(self, owner: str, number: int) -> None:
        me = asyncio.current_task()
        assert me is not None
        try:
            async with self.quota.place(owner):
                self.got.append((owner, number))
                self.at_work[me] = self.asking.pop(me)
                await asyncio.Event().wait()
        finally:
            self.asking.pop(me, None)
            self.at_work.pop(me, None)
            self.quota.release(owner)

    async def do(self, step: Step) -> None:
        """Take one step, and let everybody come to rest."""
        name, number = step
        if name in "-x=":
            for among in ([self.at_work], [self.asking], [self.at_work, self.asking])[
                "-x=".index(name)
            ]:
                if among:
                    list(among)[number % len(among)].cancel()
        else:
            self.quota.accept(name)
            self.asked[name] += 1
            self.asking[asyncio.create_task(self._run(name, self.asked[name]))] = name
        for _ in range(5):
            await asyncio.sleep(0)

    async def close(self) -> None:
        tasks = [*self.asking, *self.at_work]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def may_have_one(self) -> set[str]:
        """The owners who ask, and have fewer than they may."""
        running = Counter(self.at_work.values())
        return {owner for owner in self.asking.values() if running[owner] < LIVE}


def office(clock: FakeClock | None = None) -> Office:
    monotonic_s = (clock or FakeClock()).monotonic_s
    return Office(
        Quota(
            max_at_work=AT_WORK, max_live=LIVE, max_queued=99, max_aside=0, monotonic_s=monotonic_s
        )
    )


@settings(max_examples=200)
@given(STEPS)
def test_owners_take_turns_and_no_place_stays_free(steps: Sequence[Step]) -> None:
    async def story() -> None:
        runs = office()
        passed_over: dict[str, Counter[str]] = {}
        for step in steps:
            before = len(runs.got)
            await runs.do(step)
            new = [owner for owner, _ in runs.got[before:]]
            waiting = runs.may_have_one()
            passed_over = {
                owner: Counter()
                if owner in new
                else passed_over.get(owner, Counter()) + Counter(new)
                for owner in waiting
            }
            at_work = Counter(runs.at_work.values())
            assert at_work.total() <= AT_WORK
            assert max(at_work.values(), default=0) <= LIVE
            assert at_work.total() == AT_WORK or not waiting
            for others in passed_over.values():
                assert max(others.values(), default=0) <= 1
        for owner in "abc":
            numbers = [number for each, number in runs.got if each == owner]
            assert numbers == sorted(numbers)
        await runs.close()
        assert len(runs.quota) == 0

    asyncio.run(story())


async def test_one_run_of_somebody_else_does_not_wait_for_a_hundred() -> None:
    runs = office()
    for _ in range(99):
        await runs.do(("a", 0))
    await runs.do(("b", 0))
    await runs.do(("c", 0))
    for _ in range(2):
        await runs.do(("-", 0))
    assert [owner for owner, _ in runs.got] == ["a", "a", "b", "c", "a"]
    await runs.close()


async def test_a_refusal_says_when_a_place_is_likely_to_be_free() -> None:
    clock = FakeClock()
    quota = Quota(
        max_at_work=9, max_live=1, max_queued=1, max_aside=0, monotonic_s=clock.monotonic_s
    )
    for _ in range(2):
        quota.accept("a")

    def retry_after_s() -> float | None:
        with pytest.raises(TooManyRunsError) as refused:
            quota.accept("a")
        return refused.value.retry_after_s

    nothing_known = retry_after_s()
    for _ in range(4):
        async with quota.place("a"):
            clock.advance(12)
    steady = retry_after_s()
    clock.advance(3600)
    assert (nothing_known, steady, retry_after_s()) == (5.0, 12.0, 60.0)
