"""StreamEvent and Cursor: what they are made of, and that they come back as they went."""

from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tailrace.errors import CursorError, InvalidRequestError
from tailrace.events.event import JSON, Cursor, StreamEvent
from tailrace.events.types import EventType, NodeType, WorkflowStage

_AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
_JSON: st.SearchStrategy[JSON] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=8,
)
_EVENTS = st.builds(
    StreamEvent,
    type=st.sampled_from(EventType),
    content=_TEXT,
    progress=st.none() | st.floats(0, 1),
    timestamp=st.datetimes(timezones=st.just(UTC)),
    stage=st.none() | st.sampled_from(WorkflowStage),
    node=st.none() | st.sampled_from(NodeType),
    metadata=st.dictionaries(_TEXT, _JSON, max_size=3),
    run_id=st.text("0123456789abcdefghjkmnpqrstvwxyz", max_size=26),
    gen=st.integers(0, 2**31),
    seq=st.integers(0, 2**53),
    epoch=st.integers(0, 2**31),
)


@given(event=_EVENTS)
def test_an_event_comes_back_as_it_was_from_a_dict_and_from_bytes(event: StreamEvent) -> None:
    assert StreamEvent.from_dict(event.to_dict()) == event
    assert StreamEvent.from_json_bytes(event.to_json_bytes()) == event
    assert event.to_json_string().encode() == event.to_json_bytes()


@given(event=_EVENTS)
def test_an_event_is_one_line_in_the_order_of_its_fields(event: StreamEvent) -> None:
    order = [field.name for field in msgspec.structs.fields(StreamEvent)]
    assert order[:7] == [
        *("type", "content", "progress", "timestamp", "stage", "node", "metadata"),
    ]
    assert list(event.to_dict()) == [name for name in order if name in event.to_dict()]
    written = msgspec.json.decode(event.to_json_bytes(), type=dict[str, object])
    assert list(written) == list(event.to_dict())
    assert b"\n" not in event.to_json_bytes()
    assert b"\r" not in event.to_json_bytes()


def test_what_is_empty_is_left_out_but_type_content_and_time() -> None:
    event = StreamEvent(type=EventType.THINKING, timestamp=_AT)
    assert event.to_json_string() == (
        '{"type":"thinking","content":"","timestamp":"2026-01-02T03:04:05.678901Z"}'
    )


def test_text_is_not_escaped_to_ascii() -> None:
    event = StreamEvent(type=EventType.STREAM_CHUNK, content='é 中 😀 "\n', timestamp=_AT)
    assert 'é 中 😀 \\"\\n' in event.to_json_string()


def test_progress_of_zero_is_known_and_written() -> None:
    assert StreamEvent(type=EventType.RUNNING, progress=0.0).to_dict()["progress"] == 0.0


def test_an_event_is_stamped_with_the_time_in_utc() -> None:
    before = datetime.now(UTC)
    event = StreamEvent(type=EventType.THINKING)
    assert before <= event.timestamp <= datetime.now(UTC)
    assert event.timestamp.utcoffset() == timedelta(0)


def test_a_naive_time_is_read_as_utc() -> None:
    event = StreamEvent.from_dict({"type": "thinking", "timestamp": "2026-01-02T03:04:05.678901"})
    assert event.timestamp == _AT


def test_a_time_elsewhere_keeps_its_instant() -> None:
    elsewhere = _AT.astimezone(timezone(timedelta(hours=5, minutes=30)))
    event = StreamEvent(type=EventType.THINKING, timestamp=elsewhere)
    assert StreamEvent.from_json_bytes(event.to_json_bytes()).timestamp == _AT


def test_an_event_cannot_change() -> None:
    event = StreamEvent(type=EventType.THINKING)
    with pytest.raises(AttributeError):
        event.content = "other"  # pyright: ignore[reportAttributeAccessIssue]  # what is tested


def test_unknown_fields_of_a_newer_writer_pass() -> None:
    event = StreamEvent.from_dict({"type": "done", "mood": "calm"})
    assert event.type is EventType.DONE


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"type": "shouting"},
        {"type": None},
        {"type": "done", "content": None},
        {"type": "done", "progress": "half"},
        {"type": "done", "stage": "nowhere"},
        {"type": "done", "node": "nobody"},
        {"type": "done", "metadata": []},
        {"type": "done", "timestamp": "yesterday"},
        {"type": "done", "seq": 1.5},
    ],
    ids=str,
)
def test_what_is_no_event_is_refused(wrong: dict[str, JSON]) -> None:
    with pytest.raises(InvalidRequestError, match="not a stream event"):
        StreamEvent.from_dict(wrong)
    with pytest.raises(InvalidRequestError, match="not a stream event"):
        StreamEvent.from_json_bytes(msgspec.json.encode(wrong))


@pytest.mark.parametrize("wrong", [b"", b"{", b"null", b"[]", b'{"type":"done"', b"\xff\xfe"])
def test_bytes_that_are_no_event_are_refused(wrong: bytes) -> None:
    with pytest.raises(InvalidRequestError, match="not a stream event"):
        StreamEvent.from_json_bytes(wrong)


@pytest.mark.parametrize("stage", WorkflowStage)
def test_only_an_ending_stage_makes_an_event_terminal(stage: WorkflowStage) -> None:
    event = StreamEvent(type=EventType.DONE, stage=stage)
    assert event.is_terminal is (stage.value in {"completed", "failed", "cancelled"})
    assert not StreamEvent(type=EventType.DONE).is_terminal


def test_a_node_event_says_who_where_what_and_how_long() -> None:
    event = StreamEvent.create_node_event(
        NodeType.CONTEXT,
        EventType.FAIL,
        WorkflowStage.CONTEXT_GATHERING,
        "Nothing could be read",
        1.5,
        "not_found",
        progress=0.5,
        round=2,
    )
    assert msgspec.structs.replace(event, timestamp=_AT) == StreamEvent(
        type=EventType.FAIL,
        content="Nothing could be read",
        progress=0.5,
        timestamp=_AT,
        stage=WorkflowStage.CONTEXT_GATHERING,
        node=NodeType.CONTEXT,
        metadata={"round": 2, "duration": 1.5, "error": "not_found"},
    )


def test_a_node_event_holds_only_what_it_was_given() -> None:
    event = StreamEvent.create_node_event(
        NodeType.INTENT, EventType.DONE, WorkflowStage.INTENT_ANALYSIS, "Done"
    )
    assert (event.metadata, event.progress) == ({}, None)


def test_a_workflow_event_names_its_workflow_and_no_node() -> None:
    event = StreamEvent.create_workflow_event(
        EventType.RUNNING, WorkflowStage.INIT, "Started", "run-1", session_id="s"
    )
    assert msgspec.structs.replace(event, timestamp=_AT) == StreamEvent(
        type=EventType.RUNNING,
        content="Started",
        timestamp=_AT,
        stage=WorkflowStage.INIT,
        metadata={"workflow_id": "run-1", "session_id": "s"},
    )


def test_a_chunk_has_its_index_and_what_else_is_known() -> None:
    chunk = StreamEvent.create_chunk("Hel", 3, 9, is_final=True, offset=12)
    assert msgspec.structs.replace(chunk, timestamp=_AT) == StreamEvent(
        type=EventType.STREAM_CHUNK,
        content="Hel",
        timestamp=_AT,
        stage=WorkflowStage.EXECUTION,
        metadata={"offset": 12, "index": 3, "total": 9, "is_final": True},
    )
    assert StreamEvent.create_chunk("Hel").metadata == {"index": 0}


def test_events_do_not_share_their_metadata() -> None:
    first, second = StreamEvent.create_chunk("a"), StreamEvent.create_chunk("b")
    assert first.metadata is not second.metadata
    assert (
        StreamEvent(type=EventType.DONE).metadata is not StreamEvent(type=EventType.DONE).metadata
    )


@given(gen=st.integers(0, 10**10 - 1), seq=st.integers(0, 10**16 - 1))
def test_a_cursor_comes_back_as_it_was(gen: int, seq: int) -> None:
    assert Cursor.parse(str(Cursor(gen, seq))) == Cursor(gen, seq)


def test_a_cursor_is_where_its_event_stands_and_orders_by_generation_first() -> None:
    event = StreamEvent(type=EventType.DONE, gen=2, seq=7)
    assert (event.cursor, str(event.cursor)) == (Cursor(2, 7), "2-7")
    assert Cursor(1, 0) < Cursor(1, 9) < Cursor(1, 10) < Cursor(2, 0)


_NONSENSE = [
    *("", "-", "1", "1-", "-1", "1--1", "1-1-1", "a-b", "1-x", "0x1-1", "1.0-1", "1e3-1"),
    *("+1-1", "1-+1", "1- 1", " 1-1", "1-1 ", "1-1\n", "\n1-1", "1_0-1", "01-1", "1-01"),
    *(
        "1\u20131",
        "1-\u0661",
        "\u0661-1",
        "1-\u00b2",
        "1-\uff11",
        "1-1\0",
        "null",
        "None",
        "9" * 5000,
    ),
    *("1-" + "9" * 5000, "9" * 5000 + "-1", "1" * 11 + "-1", "1-" + "1" * 17),
]


@pytest.mark.parametrize("text", _NONSENSE, ids=lambda text: ascii(text[:12]))
def test_a_cursor_that_is_nonsense_is_refused_in_a_short_sentence(text: str) -> None:
    with pytest.raises(CursorError, match="not of the form <gen>-<seq>") as caught:
        Cursor.parse(text)
    assert len(caught.value.message) < 300


@given(text=st.text())
@example("1-1\u0661")
def test_any_text_is_a_cursor_as_it_would_be_written_or_is_refused(text: str) -> None:
    try:
        cursor = Cursor.parse(text)
    except CursorError:
        return
    assert str(cursor) == text
