"""A snapshot stands for all events before it, whatever comes after; so does a merged chunk."""

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from tailrace.events.asking import InputRequest, answering, asking
from tailrace.events.ending import content_sha256, ending, with_facts
from tailrace.events.event import StreamEvent
from tailrace.events.fold import RunFold
from tailrace.events.logged import LoggedEvent
from tailrace.events.opening import opening
from tailrace.events.receipt import Receipt
from tailrace.events.types import CHUNK_TYPES, EventType, NodeType, Outcome, WorkflowStage
from tailrace.streaming.merging import merged

AT = datetime(2026, 1, 2, tzinfo=UTC)

_stages = st.sampled_from(
    [WorkflowStage.INTENT_ANALYSIS, WorkflowStage.CONTEXT_GATHERING, WorkflowStage.EXECUTION]
)


def _asks(name: str, stage: WorkflowStage) -> StreamEvent:
    request = InputRequest(request_id=name, question=f"which, {name}?", expires_at=AT)
    return asking(request, stage=stage, node=NodeType.INTENT, at=AT)


def _answers(name: str, stage: WorkflowStage) -> StreamEvent:
    return answering(_asks(name, stage), "this", AT)


def _fact(kind: EventType, number: int) -> StreamEvent:
    return StreamEvent(type=kind, metadata={"id": number})


_names = st.sampled_from("ab")
_said = st.one_of(
    st.builds(StreamEvent.create_chunk, st.text(max_size=5), stage=_stages),
    st.builds(StreamEvent.create_chunk, st.text(max_size=5)),
    st.builds(StreamEvent, type=st.just(EventType.REASONING_CHUNK), content=st.text(max_size=5)),
    st.builds(
        StreamEvent,
        type=st.sampled_from([EventType.THINKING, EventType.RUNNING, EventType.DONE]),
        content=st.text(max_size=5),
        stage=_stages,
        progress=st.sampled_from([None, 0.0, 0.5]),
    ),
    st.builds(
        _fact,
        st.sampled_from(
            [EventType.SOURCE, EventType.CITATION, EventType.TOOL_CALL, EventType.USAGE]
        ),
        st.integers(0, 9),
    ),
    st.builds(_asks, _names, _stages),
    st.builds(_answers, _names, _stages),
)


@st.composite
def logs(draw: st.DrawFn) -> list[StreamEvent]:
    """A log with retracts back to wherever a log may go back to: events that are no increments."""
    said: list[StreamEvent] = [
        opening(
            run_id="run",
            session_id="session",
            conversation_id=1,
            user_message_id=2,
            assistant_message_id=3,
            at=AT,
        )
    ]
    for event in draw(st.lists(_said, max_size=25)):
        said.append(event)
        places = [n for n, e in enumerate(said, 1) if e.type not in CHUNK_TYPES]
        if draw(st.integers(0, 9)) == 0:
            back_to = draw(st.sampled_from(places))
            said.append(StreamEvent(type=EventType.RETRACT, metadata={"discard_after": back_to}))
    log: list[StreamEvent] = []
    fold = RunFold()
    for seq, event in enumerate(said, 1):
        metadata = event.metadata
        if event.type is EventType.STREAM_CHUNK:
            metadata = {"index": fold.chunk_count, "offset": fold.text_length}
        at = AT + timedelta(seconds=seq)
        identity = {"run_id": "run", "gen": 1, "seq": seq, "epoch": 1, "timestamp": at}
        log.append(msgspec.structs.replace(event, metadata=metadata, **identity))
        fold.apply(log[-1])
    return log


def fold_of(events: Sequence[StreamEvent]) -> RunFold:
    fold = RunFold()
    for event in events:
        fold.apply(event)
    return fold


def state_of(fold: RunFold) -> tuple[object, ...]:
    """All there is to a fold, but for when its newest event happened."""
    return (
        msgspec.structs.replace(fold.snapshot().event, timestamp=AT),
        fold.text_length,
        fold.chunk_count,
        fold.input_required,
        fold.terminal,
        fold.stage,
        fold.progress,
        fold.started_at,
        fold.seconds_by_stage(AT + timedelta(days=1)),
        fold.last_seq,
    )


@given(logs(), st.floats(0, 1))
def test_a_snapshot_and_the_events_after_it_are_the_whole_run(
    log: list[StreamEvent], share: float
) -> None:
    cut = 1 + round(share * (len(log) - 1))
    snapshot = fold_of(log[:cut]).snapshot()
    assert (snapshot.seq, snapshot.event.is_terminal) == (cut, False)
    late = RunFold.restored(snapshot.event)
    for event in log[cut:]:
        late.apply(event)
    assert state_of(late) == state_of(fold_of(log))


@given(logs(), st.lists(st.floats(0, 1), max_size=4))
def test_who_looks_on_changes_nothing_for_the_writer(
    log: list[StreamEvent], shares: list[float]
) -> None:
    looked_at = {round(share * len(log)) for share in shares}
    fold = RunFold()
    for seq, event in enumerate(log, 1):
        fold.apply(event)
        if seq in looked_at:
            fold.snapshot()
    assert state_of(fold) == state_of(fold_of(log))


@given(logs(), st.sets(st.integers(1, 30)))
def test_merged_chunks_are_the_same_run_and_arrive_whole(
    log: list[StreamEvent], cuts: set[int]
) -> None:
    end = with_facts(ending(Outcome.ANSWERED, AT), fold_of(log), len(log) + 1)
    identity = {"run_id": "run", "gen": 1, "seq": len(log) + 1, "epoch": 1}
    log = [*log, msgspec.structs.replace(end, **identity)]
    places = [0, *sorted(cut for cut in cuts if cut < len(log)), len(log)]
    seen: list[StreamEvent] = []
    for start, stop in itertools.pairwise(places):
        batch = [LoggedEvent.of(event) for event in log[start:stop]]
        seen += [logged.event for logged in merged(batch)]
    receipt = Receipt()
    for event in seen:
        receipt.take(event)
    assert receipt.problems == []
    assert state_of(receipt.fold) == state_of(fold_of(log))
    assert len([e for e in seen if e.type not in CHUNK_TYPES]) == len(
        [e for e in log if e.type not in CHUNK_TYPES]
    )


@given(logs(), st.floats(0, 1))
def test_a_reader_that_gets_a_snapshot_instead_of_events_still_checks_the_whole(
    log: list[StreamEvent], share: float
) -> None:
    cut = 1 + round(share * (len(log) - 1))
    end = with_facts(ending(Outcome.ANSWERED, AT), fold_of(log), len(log) + 1)
    last = msgspec.structs.replace(end, run_id="run", gen=1, seq=len(log) + 1, epoch=1)
    receipt = Receipt()
    for event in [*log[: cut // 2], fold_of(log[:cut]).snapshot().event, *log[cut:], last]:
        receipt.take(event)
    assert receipt.problems == []
    assert content_sha256(receipt.fold.text) == last.metadata["content_sha256"]


def test_a_snapshot_is_as_long_as_what_it_tells() -> None:
    first = opening(
        run_id="run",
        session_id="session",
        conversation_id=None,
        user_message_id=None,
        assistant_message_id=None,
        at=AT,
    )
    fold = fold_of([first])
    for seq in range(2, 20_002):
        chunk = StreamEvent.create_chunk("word ")
        fold.apply(msgspec.structs.replace(chunk, seq=seq, gen=1, run_id="run", epoch=1))
    snapshot = fold.snapshot()
    assert len(snapshot.data) < 5 * 20_000 + 1_500
    assert snapshot.event.content == "word " * 20_000
