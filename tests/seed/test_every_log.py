"""What MineContext's own clients, unmodified, show of any log, in the seed dialect."""

import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.dialects.registry import open_dialect
from tailrace.errors import ModelTimeoutError
from tailrace.events.event import JSON
from tailrace.events.fold import RunFold
from tailrace.events.logged import LoggedEvent
from tailrace.events.types import EventType, Outcome, WorkflowStage
from tailrace.testing.logs import LogMaker, recorded_logs

from .screens import Desktop, Page, said

_KNOWN_STAGES = {
    *("init", "intent_analysis", "context_gathering", "execution", "reflection"),
    *("completed", "failed", ""),
}
_STATUSES = [EventType.THINKING, EventType.RUNNING, EventType.DONE, EventType.FAIL]
_OUTCOMES = list(Outcome)
QUESTION = "What does it say?"


def _frames(log: Sequence[LoggedEvent]) -> list[dict[str, JSON]]:
    dialect = open_dialect("seed")
    return [json.loads(frame.data) for event in log for frame in dialect.frames(event)]


def _show(log: Sequence[LoggedEvent]) -> tuple[Desktop, Page]:
    desktop, page = Desktop(), Page()
    desktop.ask(QUESTION)
    page.ask(QUESTION)
    for frame in _frames(log):
        desktop.take(frame)
        page.take(frame)
    return desktop, page


def _text(log: Sequence[LoggedEvent]) -> str:
    fold = RunFold()
    for logged in log:
        fold.apply(logged.event)
    return fold.text


def _answers(screen: Desktop | Page) -> list[str]:
    return [content for role, content in said(screen.messages) if role == "assistant"]


def _types(log: Sequence[LoggedEvent]) -> list[JSON]:
    return [frame["type"] for frame in _frames(log)]


@st.composite
def _logs(draw: st.DrawFn) -> tuple[Sequence[LoggedEvent], Outcome]:
    """Any log: statuses, chunks and retracts in any order, then any end."""
    log = LogMaker()
    for _ in range(draw(st.integers(0, 12))):
        what = draw(st.sampled_from(["status", "chunk", "chunk", "retract", "usage"]))
        if what == "status":
            type_ = draw(st.sampled_from(_STATUSES))
            log.status(type_, WorkflowStage.EXECUTION, draw(st.text(max_size=3)))
        elif what == "chunk":
            log.chunk(draw(st.text(max_size=3)))
        elif what == "retract":
            seen = log.events[-1].seq
            log.add(EventType.RETRACT, metadata={"discard_after": draw(st.integers(1, seen))})
        else:
            log.add(EventType.USAGE, metadata={"prompt_tokens": 1})
    outcome = draw(st.sampled_from(_OUTCOMES))
    failed = outcome in {Outcome.FAILED, Outcome.EXPIRED}
    error = ModelTimeoutError("The model said nothing for 60 s.") if failed else None
    return log.end(outcome, error, streaming=draw(st.booleans())), outcome


@given(made=_logs())
def test_both_clients_end_with_the_text_that_counts_and_nothing_else(
    made: tuple[Sequence[LoggedEvent], Outcome],
) -> None:
    log, outcome = made
    text = _text(log)
    shown = [text] if text.strip() else []
    desktop, page = _show(log)
    assert _answers(desktop) == shown
    assert (desktop.bubble, desktop.loading, desktop.late_frames) == (None, False, [])
    failed = outcome in {Outcome.FAILED, Outcome.EXPIRED}
    assert desktop.error == ("The model said nothing for 60 s." if failed else None)
    assert page.errors == ([desktop.error] if failed else [])
    if outcome is not Outcome.CANCELLED and text.strip():  # the page knows no stop
        assert _answers(page) == [text]


@given(made=_logs())
def test_the_bubble_is_the_text_that_counts_at_every_moment_after_the_first_chunk(
    made: tuple[Sequence[LoggedEvent], Outcome],
) -> None:
    log, _ = made
    dialect, desktop, fold = open_dialect("seed"), Desktop(), RunFold()
    for logged in log[:-1]:
        fold.apply(logged.event)
        for frame in dialect.frames(logged):
            desktop.take(json.loads(frame.data))
        if desktop.chunks_started:
            assert desktop.bubble == fold.text


@pytest.mark.parametrize("name", recorded_logs())
def test_no_stage_or_type_reaches_the_seed_that_it_does_not_know(name: str) -> None:
    frames = _frames(recorded_logs()[name])
    assert {str(frame.get("stage", "")) for frame in frames} <= _KNOWN_STAGES
    assert {str(frame["type"]) for frame in frames} <= {
        *("session_start", "thinking", "running", "done", "fail", "completed"),
        *("stream_chunk", "stream_complete", "interrupted"),
    }


def test_the_session_starts_with_the_ids_the_client_needs() -> None:
    start, opening, *_ = _frames(recorded_logs()["answer"])
    assert start == {
        "type": "session_start",
        "session_id": "session_1",
        "assistant_message_id": 12,
        "run_id": "01jd8q4w7n3k5m9p2r6t8v0x1z",
    }
    assert list(start) == ["type", "session_id", "assistant_message_id", "run_id"]
    assert (opening["type"], opening["stage"]) == ("running", "init")


def test_each_way_to_end_has_its_frames() -> None:
    logs = recorded_logs()
    assert {name: _types(log)[-3:] for name, log in logs.items()} == {
        "answer": ["done", "completed", "stream_complete"],
        "answer without streaming": ["done", "completed", "stream_complete"],
        "simple chat": ["done", "completed", "stream_complete"],
        "insufficient context": ["stream_chunk", "completed", "stream_complete"],
        "failure before the text": ["done", "running", "fail"],
        "failure within the text": ["stream_chunk", "completed", "fail"],
        "interrupt before the text": ["running", "interrupted", "stream_complete"],
        "interrupt within the text": ["stream_chunk", "interrupted", "stream_complete"],
        "retract, then an answer": ["stream_chunk", "completed", "stream_complete"],
        "retract of all text, then a stop": ["running", "interrupted", "stream_complete"],
        "empty answer": ["done", "completed", "stream_complete"],
        "tools and an input that expired": ["running", "running", "fail"],
        "an input that was answered": ["stream_chunk", "completed", "stream_complete"],
    }


def test_a_nodes_own_failure_waits_for_the_end_so_that_the_partial_text_is_saved() -> None:
    log = recorded_logs()["failure within the text"]
    assert _types(log).count("fail") == 1
    desktop, page = _show(log)
    assert _answers(desktop) == _answers(page) == ["Half an answer"]
    assert desktop.error == "The model's endpoint answers 500; try again."
    assert page.errors == [desktop.error]


def test_a_status_line_is_never_kept_as_an_answer() -> None:
    for name in ("empty answer", "interrupt before the text", "failure before the text"):
        desktop, page = _show(recorded_logs()[name])
        assert _answers(desktop) == _answers(page) == []


def test_a_retract_becomes_one_status_with_the_kept_text() -> None:
    frames = _frames(recorded_logs()["retract, then an answer"])
    assert [(frame["type"], frame.get("content")) for frame in frames[5:]] == [
        ("stream_chunk", "Kept, "),
        ("stream_chunk", "kept too, "),
        ("stream_chunk", "lost, "),
        ("stream_chunk", "lost too."),
        ("running", "Kept, kept too, "),
        ("stream_chunk", "and "),
        ("stream_chunk", "new."),
        ("completed", "Kept, kept too, and new."),
        ("stream_complete", ""),
    ]


def test_frames_keep_the_seeds_fields_in_the_seeds_order() -> None:
    order = ["type", "content", "progress", "timestamp", "stage", "node", "metadata"]
    for log in recorded_logs().values():
        for frame in _frames(log):
            if frame["type"] not in {"session_start", "interrupted"}:
                assert list(frame) == [name for name in order if name in frame]
                assert {"type", "content", "timestamp", "stage"} <= frame.keys()


def test_text_is_sent_as_utf8_and_not_escaped() -> None:
    dialect = open_dialect("seed")
    sent = b"".join(
        frame.data for event in recorded_logs()["answer"] for frame in dialect.frames(event)
    )
    assert "flüsst 🌊 ".encode() in sent
