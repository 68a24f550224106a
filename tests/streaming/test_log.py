"""EventLog: its rules, one property each."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.errors import LogClosedError
from tailrace.events.event import StreamEvent
from tailrace.events.logged import LoggedEvent
from tailrace.streaming.log import EventLog
from tailrace.testing.made_runs import chunks, placed

RUN = "01m82b20101c9mkw063jkfmzt6"


def _events(first_seq: int, count: int) -> list[LoggedEvent]:
    return chunks(RUN, first_seq, [f"t{i}" for i in range(count)])


@given(st.lists(st.integers(1, 6), max_size=30), st.integers(200, 3_000), st.data())
def test_a_viewer_gets_each_event_after_its_cursor_once_or_is_sent_to_the_store(
    sizes: list[int], max_bytes: int, data: st.DataObject
) -> None:
    log = EventLog(max_bytes)
    for size in sizes:
        log.append(_events(log.last_seq + 1, size), terminal=False)
    cursor = data.draw(st.integers(0, log.last_seq))
    found = log.since(cursor, max_bytes=1 << 20)
    if found is None:
        newest = log.newest(1)
        assert newest
        assert log.since(log.last_seq - 1, max_bytes=1) == newest
    else:
        assert [event.seq for event in found] == list(range(cursor + 1, log.last_seq + 1))


@given(st.integers(1, 400), st.integers(500, 5_000))
def test_memory_stays_bounded_and_holds_the_newest(count: int, max_bytes: int) -> None:
    log = EventLog(max_bytes)
    for seq in range(1, count + 1):
        log.append(_events(seq, 1), terminal=False)
    kept = log.newest(count)
    assert kept[-1].seq == count
    assert sum(len(event.data) for event in kept) <= max_bytes + 1_000


def test_batches_are_cut_at_the_bytes_a_viewer_takes() -> None:
    log = EventLog(1 << 20)
    log.append(_events(1, 10), terminal=False)
    batch = log.since(0, max_bytes=500)
    assert batch is not None
    assert 1 <= len(batch) < 10
    assert log.since(0, max_bytes=1) == batch[:1]


def test_nothing_follows_a_terminal_event_or_a_gap() -> None:
    log = EventLog(1 << 20)
    log.append(_events(1, 2), terminal=False)
    with pytest.raises(LogClosedError):
        log.append(_events(4, 1), terminal=False)
    log.append([placed(RUN, 3, StreamEvent.create_chunk("end"))], terminal=True)
    with pytest.raises(LogClosedError):
        log.append(_events(4, 1), terminal=False)


async def test_every_waiting_viewer_wakes_and_a_cancelled_one_wakes_nobody() -> None:
    log = EventLog(1 << 20)
    waiting = [asyncio.ensure_future(log.grown(0)) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    log.append(_events(1, 1), terminal=False)
    async with asyncio.timeout(5):
        results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(result) for result in results] == [
        asyncio.CancelledError,
        type(None),
        type(None),
    ]
