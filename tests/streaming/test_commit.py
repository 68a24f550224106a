"""A commit whose outcome is unknown is tried again, the same: nothing is lost or double."""

import asyncio
import random
from collections.abc import Coroutine
from typing import Any, TypeVar, cast

import pytest

from tailrace.errors import StorageFullError
from tailrace.events.ending import ending
from tailrace.events.event import StreamEvent
from tailrace.events.types import Outcome
from tailrace.stores.base import RunState, Store
from tailrace.streaming.manager import StreamingManager
from tailrace.testing.made_runs import AT, accepted_run
from tailrace.testing.memory_store import MemoryStore
from tailrace.testing.simulation.link import Link, Weather
from tailrace.testing.simulation.loop import VirtualClock, VirtualLoop

T = TypeVar("T")


def in_no_time(story: Coroutine[Any, Any, T]) -> T:
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(story)
    finally:
        loop.close()


async def manager_in(weather: Weather) -> tuple[StreamingManager, MemoryStore]:
    store = MemoryStore(VirtualClock(asyncio.get_running_loop()))
    accepted = await accepted_run(store)
    link = cast("Store", Link(store, weather, random.Random(1)))
    return StreamingManager(accepted.run, accepted.first_event, link, 1 << 20), store


async def seen(manager: StreamingManager) -> list[tuple[int, str]]:
    return [(event.seq, event.content) async for event in manager.stream()]


@pytest.mark.parametrize("weather", [Weather(lost_reply=1.0), Weather(lost_request=1.0)])
def test_what_the_store_has_not_answered_is_asked_again_and_kept_once(weather: Weather) -> None:
    async def story() -> None:
        manager, store = await manager_in(weather)
        async with asyncio.TaskGroup() as tasks:
            viewer = tasks.create_task(seen(manager))
            for text in "abc":
                await manager.emit(StreamEvent.create_chunk(text))
                await asyncio.sleep(0.2)
            tasks.create_task(manager.emit(ending(Outcome.ANSWERED, AT)))
            assert manager.log.last_seq == 1, "a viewer sees what may not be kept"
            weather.lost_reply = weather.lost_request = 0.0
        assert viewer.result() == [(1, "Question received"), (2, "a"), (3, "bc"), (4, "")]
        assert [(e.seq, e.event.content) for e in store.log_of(manager.run_id)] == viewer.result()

    in_no_time(story())


def test_a_disk_that_is_full_for_a_moment_costs_nothing() -> None:
    async def story() -> None:
        weather = Weather(disk_is_full=True)
        manager, store = await manager_in(weather)
        asyncio.get_running_loop().call_later(1.0, setattr, weather, "disk_is_full", False)  # noqa: FBT003 - by name
        await manager.emit(ending(Outcome.ANSWERED, AT))
        assert (await store.get_run(manager.run_id, "")).state is RunState.COMPLETED

    in_no_time(story())


def test_a_disk_that_stays_full_is_said_to_be_full_within_two_seconds() -> None:
    async def story() -> None:
        manager, _ = await manager_in(Weather(disk_is_full=True))
        async with asyncio.timeout(2.0):
            with pytest.raises(StorageFullError):
                await manager.emit(ending(Outcome.ANSWERED, AT))
        with pytest.raises(StorageFullError):
            await manager.emit(StreamEvent.create_chunk("late"))

    in_no_time(story())
