"""RunFold: the same events give the same fold, and a retract takes back exactly its range."""

from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from tailrace.events.asking import InputRequest, answering, asking
from tailrace.events.ending import content_sha256, ending, with_facts
from tailrace.events.event import StreamEvent
from tailrace.events.fold import RunFold
from tailrace.events.types import EventType, NodeType, Outcome, WorkflowStage

AT = datetime(2026, 1, 2, tzinfo=UTC)


def _status(text: str, kind: EventType) -> StreamEvent:
    return StreamEvent(type=kind, content=text, stage=WorkflowStage.EXECUTION)


def _source(number: int) -> StreamEvent:
    return StreamEvent(type=EventType.SOURCE, metadata={"id": number})


def _usage(tokens: int) -> StreamEvent:
    return StreamEvent(type=EventType.USAGE, metadata={"completion_tokens": tokens})


_said = st.one_of(
    st.builds(StreamEvent.create_chunk, st.text(max_size=5)),
    st.builds(
        _status,
        st.text(max_size=5),
        st.sampled_from([EventType.THINKING, EventType.RUNNING, EventType.REASONING_CHUNK]),
    ),
    st.builds(_source, st.integers(0, 9)),
    st.builds(_usage, st.integers(0, 9)),
)


def number(events: list[StreamEvent]) -> list[StreamEvent]:
    return [
        msgspec.structs.replace(event, seq=i, gen=1, timestamp=AT + timedelta(seconds=i))
        for i, event in enumerate(events, start=1)
    ]


def fold_of(events: list[StreamEvent]) -> RunFold:
    fold = RunFold()
    for event in events:
        fold.apply(event)
    return fold


def view_of(fold: RunFold) -> tuple[object, ...]:
    return (
        fold.text,
        fold.text_length,
        fold.chunk_count,
        fold.reasoning,
        fold.thinking,
        fold.statuses,
        fold.sources,
    )


@given(st.lists(_said, max_size=20), st.lists(_said, max_size=20), st.lists(_said, max_size=20))
def test_a_retract_leaves_what_it_would_be_without_the_discarded_events(
    kept: list[StreamEvent], discarded: list[StreamEvent], later: list[StreamEvent]
) -> None:
    retract = StreamEvent(type=EventType.RETRACT, metadata={"discard_after": len(kept)})
    with_retract = number([*kept, *discarded, retract, *later])
    without = with_retract[: len(kept)] + with_retract[len(kept) + len(discarded) + 1 :]
    assert view_of(fold_of(with_retract)) == view_of(fold_of(without))


@given(st.lists(_said, max_size=30))
def test_the_text_is_its_chunks_and_usage_the_newest(events: list[StreamEvent]) -> None:
    fold = fold_of(number(events))
    chunks = [event.content for event in events if event.type is EventType.STREAM_CHUNK]
    usages = [event.metadata for event in events if event.type is EventType.USAGE]
    assert fold.text == "".join(chunks)
    assert fold.text_length == len(fold.text)
    assert fold.chunk_count == len(chunks)
    assert fold.usage == (usages[-1] if usages else {})


def test_usage_survives_a_retract() -> None:
    events = number(
        [
            StreamEvent(type=EventType.USAGE, metadata={"completion_tokens": 7}),
            StreamEvent(type=EventType.RETRACT, metadata={"discard_after": 0}),
        ]
    )
    assert fold_of(events).usage == {"completion_tokens": 7}


def test_the_terminal_event_tells_seconds_by_stage_hash_and_partial_usage() -> None:
    stages = [WorkflowStage.INIT, WorkflowStage.INTENT_ANALYSIS, WorkflowStage.EXECUTION]
    events = number([StreamEvent(type=EventType.RUNNING, stage=stage) for stage in stages])
    chunk = msgspec.structs.replace(
        StreamEvent.create_chunk("½ answer"), seq=4, gen=1, timestamp=AT + timedelta(seconds=4)
    )
    fold = fold_of([*events, chunk])
    terminal = with_facts(ending(Outcome.CANCELLED, AT + timedelta(seconds=9)), fold, 5)
    assert terminal.metadata == {
        "outcome": "cancelled",
        "last_seq": 5,
        "content_sha256": content_sha256("½ answer"),
        "usage": {"partial": True},
        "seconds": {"init": 1.0, "intent_analysis": 1.0, "execution": 6.0},
    }


def test_a_run_without_streaming_ends_with_the_whole_answer() -> None:
    fold = fold_of(number([StreamEvent.create_chunk("all "), StreamEvent.create_chunk("of it")]))
    terminal = with_facts(ending(Outcome.ANSWERED, AT, streaming=False), fold, 3)
    assert (terminal.type, terminal.content) == (EventType.COMPLETED, "all of it")


def _asked(request_id: str) -> StreamEvent:
    request = InputRequest(request_id=request_id, question=f"{request_id}?", expires_at=AT)
    return asking(request, stage=WorkflowStage.INTENT_ANALYSIS, node=NodeType.INTENT, at=AT)


def test_a_question_to_the_user_is_open_until_it_is_answered() -> None:
    log = number([_asked("a"), _usage(1), answering(_asked("a"), "yes", AT), _asked("b")])
    open_questions = [fold_of(log[:end]).input_required for end in range(1, 5)]
    assert open_questions == [log[0], log[0], None, log[3]]
    assert fold_of(log).inputs == [{"request_id": "a", "question": "a?", "input": "yes"}]


def test_an_answer_to_another_question_answers_nothing() -> None:
    log = number([_asked("a"), _asked("b"), answering(_asked("a"), "late", AT)])
    fold = fold_of(log)
    assert (fold.input_required, fold.inputs) == (log[1], [])


def test_the_end_of_a_run_leaves_no_question_open() -> None:
    fold = fold_of(number([_asked("a"), ending(Outcome.CANCELLED, AT)]))
    assert fold.input_required is None


def test_a_retract_takes_back_questions_and_answers() -> None:
    answered = [_asked("a"), answering(_asked("a"), "yes", AT)]
    retracts = [
        StreamEvent(type=EventType.RETRACT, metadata={"discard_after": seq}) for seq in (1, 0)
    ]
    log = number([*answered, *retracts])
    assert fold_of(log[:3]).input_required == log[0]
    assert (fold_of(log).input_required, fold_of(log).inputs) == (None, [])


def test_the_time_spent_waiting_for_the_user_is_no_stage_s() -> None:
    start = StreamEvent(type=EventType.THINKING, stage=WorkflowStage.INTENT_ANALYSIS)
    answer = answering(_asked("a"), "yes", AT)
    log = number([start, _asked("a"), answer])
    log[2] = msgspec.structs.replace(log[2], timestamp=AT + timedelta(days=3))
    until = log[2].timestamp + timedelta(seconds=4)
    assert fold_of(log).seconds_by_stage(until) == {
        "intent_analysis": 5.0,
        "waiting": timedelta(days=3).total_seconds() - 2,
    }
