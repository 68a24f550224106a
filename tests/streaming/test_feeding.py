"""A viewer that is up to date is fed: it gets what is committed without being woken for it."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing

from hypothesis import given
from hypothesis import strategies as st

from tailrace.events.event import StreamEvent
from tailrace.events.logged import LoggedEvent
from tailrace.streaming.log import EventLog
from tailrace.streaming.viewer import LiveLog, view
from tailrace.testing.made_runs import chunks, placed
from tailrace.testing.memory_store import MemoryStore

RUN = "01m82b20101c9mkw063jkfmzt6"


class Seen:
    """What reached a viewer, and how; it takes what it is fed as often as it is told to."""

    def __init__(self, takes: list[bool]) -> None:
        self.fed: list[int] = []
        self.all: list[int] = []
        self._takes = takes

    def take(self, events: Sequence[LoggedEvent]) -> bool:
        if self._takes and not self._takes.pop(0):
            return False
        self.fed += [event.seq for event in events]
        self.all += [event.seq for event in events]
        return True

    async def follow(self, log: EventLog) -> None:
        live = LiveLog(RUN, 1, MemoryStore(), log)
        async with aclosing(view(live, None, 64 * 1024, sink=self.take)) as batches:
            async for batch in batches:
                self.all += [event.seq for event in batch]


async def follow_all(viewers: list[Seen], sizes: list[int], rests: list[bool]) -> int:
    """Append batches of `sizes`, resting before some so that all catch up; the last seq."""
    log = EventLog(1 << 20)
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        for viewer in viewers:
            tasks.create_task(viewer.follow(log))
        for size, rest in zip(sizes, rests, strict=True):
            if rest:
                await asyncio.sleep(0)
            log.append(chunks(RUN, log.last_seq + 1, ["t"] * size), terminal=False)
        end = placed(RUN, log.last_seq + 1, StreamEvent.create_chunk("end"))
        log.append([end], terminal=True)
    return log.last_seq


@given(st.data())
def test_each_event_comes_once_and_in_order_whether_it_is_fed_or_read(data: st.DataObject) -> None:
    sizes = data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=12))
    rests = data.draw(st.lists(st.booleans(), min_size=len(sizes), max_size=len(sizes)))
    takes = st.lists(st.booleans(), max_size=12)
    viewers = [Seen(data.draw(takes)) for _ in range(3)]
    last_seq = asyncio.run(follow_all(viewers, sizes, rests))
    for viewer in viewers:
        assert viewer.all == list(range(1, last_seq + 1))
        assert last_seq not in viewer.fed


async def test_a_viewer_that_takes_all_is_not_woken_until_the_end() -> None:
    viewer = Seen([])
    last_seq = await follow_all([viewer], [1, 2, 3], [True, True, True])
    assert viewer.fed == list(range(1, last_seq))


async def test_a_viewer_that_left_is_fed_no_more() -> None:
    log = EventLog(1 << 20)
    gone, there = Seen([]), Seen([])
    tasks = [asyncio.ensure_future(viewer.follow(log)) for viewer in (gone, there)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    await asyncio.wait(tasks[:1])
    log.append(chunks(RUN, 1, ["t"]), terminal=False)
    log.close()
    await tasks[1]
    assert (gone.all, there.all) == ([], [1])
