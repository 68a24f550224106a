"""What a stream that does not fit its end is told as."""

from datetime import UTC, datetime

import msgspec

from tailrace.cli.screen import clean
from tailrace.events.ending import ending, with_facts
from tailrace.events.event import StreamEvent
from tailrace.events.fold import RunFold
from tailrace.events.receipt import Receipt
from tailrace.events.types import EventType, Outcome, WorkflowStage

AT = datetime(2026, 1, 1, tzinfo=UTC)


def log_of(*texts: str) -> list[StreamEvent]:
    events = [StreamEvent(type=EventType.RUNNING, stage=WorkflowStage.INIT, timestamp=AT)]
    fold, offset = RunFold(), 0
    for text in texts:
        events.append(StreamEvent.create_chunk(text, offset=offset))
        offset += len(text)
    events = [msgspec.structs.replace(e, gen=1, seq=n) for n, e in enumerate(events, 1)]
    for event in events:
        fold.apply(event)
    end = with_facts(ending(Outcome.ANSWERED, AT), fold, len(events) + 1)
    return [*events, msgspec.structs.replace(end, gen=1, seq=len(events) + 1)]


def taken(events: list[StreamEvent], after_seq: int = 0) -> Receipt:
    receipt = Receipt(after_seq)
    for event in events:
        receipt.take(event)
    return receipt


def test_a_whole_log_has_no_problem() -> None:
    receipt = taken(log_of("Grüße ", "👋🏽"))
    assert (receipt.problems, receipt.outcome) == ([], Outcome.ANSWERED)


def test_a_missing_event_is_told_three_times_over() -> None:
    events = log_of("a", "b", "c")
    receipt = taken(events[:2] + events[3:])
    assert receipt.problems == [
        "event 4 arrived where event 3 was due",
        "a piece of the answer starts at 2, not at 1",
        "the answer that arrived is not the answer that was written",
    ]


def test_a_changed_piece_is_told() -> None:
    events = log_of("a", "b")
    events[2] = msgspec.structs.replace(events[2], content="x")
    assert taken(events).problems == ["the answer that arrived is not the answer that was written"]


def test_a_wrong_last_seq_is_told() -> None:
    events = log_of("a")
    events[-1] = msgspec.structs.replace(
        events[-1], metadata={**events[-1].metadata, "last_seq": 9}
    )
    assert taken(events).problems == ["the run has 9 events, and 3 was its last"]


def test_from_a_cursor_on_only_the_order_can_be_checked() -> None:
    assert taken(log_of("a", "b")[2:], after_seq=2).problems == []


def test_a_stream_without_its_end_has_no_outcome() -> None:
    assert taken(log_of("a")[:-1]).outcome is None


def test_nothing_a_terminal_would_obey_is_shown() -> None:
    hostile = "a\x1b[31mb\x07\r\x9b2Jc\u202ed\n\te"
    assert clean(hostile) == "a[31mb2Jcd\n\te"
