"""Kit: whole logs, made by hand, one for each way through the workflow.

Rule 1: they are the same at every run and on every machine: ids and times are fixed.
Rule 2: each is a legal log: seq from 1 without gaps, event 1, one terminal event with its facts.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from tailrace.errors import (
    ErrorCode,
    ModelUnavailableError,
    TailraceError,
)
from tailrace.events.ending import ending, with_facts
from tailrace.events.event import JSON, StreamEvent
from tailrace.events.fold import RunFold
from tailrace.events.logged import LoggedEvent
from tailrace.events.opening import opening
from tailrace.events.types import EventType, NodeType, Outcome, WorkflowStage

RUN_ID: Final = "01jd8q4w7n3k5m9p2r6t8v0x1z"
STARTED_AT: Final = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

_STEP: Final = timedelta(milliseconds=125)
_NODES: Final[Mapping[WorkflowStage, NodeType]] = {
    WorkflowStage.INTENT_ANALYSIS: NodeType.INTENT,
    WorkflowStage.CONTEXT_GATHERING: NodeType.CONTEXT,
    WorkflowStage.EXECUTION: NodeType.EXECUTE,
    WorkflowStage.REFLECTION: NodeType.REFLECT,
}


class LogMaker:
    """Gives events their place in one log, as a real log does.

    Attributes:
        events: The log so far.
    """

    def __init__(self) -> None:
        self.events: list[LoggedEvent] = []
        self._fold = RunFold()
        self._stage = WorkflowStage.INIT
        self._add(
            opening(
                run_id=RUN_ID,
                session_id="session_1",
                conversation_id=1,
                user_message_id=11,
                assistant_message_id=12,
                at=STARTED_AT,
            )
        )

    def status(
        self,
        type_: EventType,
        stage: WorkflowStage,
        content: str,
        progress: float | None = None,
        metadata: Mapping[str, JSON] | None = None,
    ) -> None:
        """A node says something for people to read."""
        self._stage = stage
        self.add(type_, content, progress=progress, metadata=metadata)

    def chunk(self, content: str) -> None:
        """An increment of the answer."""
        facts: dict[str, JSON] = {
            "index": self._fold.chunk_count,
            "offset": self._fold.text_length,
        }
        self.add(EventType.STREAM_CHUNK, content, metadata=facts)

    def add(
        self,
        type_: EventType,
        content: str = "",
        *,
        progress: float | None = None,
        metadata: Mapping[str, JSON] | None = None,
    ) -> None:
        """Anything else, at the stage where the run is."""
        event = StreamEvent(
            type=type_,
            content=content,
            progress=progress,
            timestamp=self._now(),
            stage=self._stage,
            node=_NODES.get(self._stage),
            metadata=dict(metadata or {}),
        )
        self._add(event)

    def end(
        self, outcome: Outcome, error: TailraceError | None = None, *, streaming: bool = True
    ) -> Sequence[LoggedEvent]:
        """The whole log, closed."""
        last = ending(outcome, self._now(), error=error, streaming=streaming)
        self._add(with_facts(last, self._fold, self._fold.last_seq + 1))
        return tuple(self.events)

    def _now(self) -> datetime:
        return STARTED_AT + self._fold.last_seq * _STEP

    def _add(self, event: StreamEvent) -> None:
        seq = self._fold.last_seq + 1
        placed = msgspec.structs.replace(event, run_id=RUN_ID, gen=1, seq=seq, epoch=1)
        self._fold.apply(placed)
        self.events.append(LoggedEvent.of(placed))


def recorded_logs() -> dict[str, Sequence[LoggedEvent]]:
    """Every way through the workflow, by name."""
    return {
        "answer": _answer(streaming=True),
        "answer without streaming": _answer(streaming=False),
        "simple chat": _simple_chat(),
        "insufficient context": _insufficient(),
        "failure before the text": _failure(),
        "failure within the text": _failure("Half an ", "answer"),
        "interrupt before the text": _interrupt(),
        "interrupt within the text": _interrupt("Half an ", "answer"),
        "retract, then an answer": _retract(discard_after=7),
        "retract of all text, then a stop": _retract_all(),
        "empty answer": _simple_chat(""),
        "tools and an input that expired": _tools(),
        "an input that was answered": _input(),
    }


def _intent(log: LogMaker) -> None:
    stage = WorkflowStage.INTENT_ANALYSIS
    log.status(EventType.THINKING, stage, "Working out what you mean")
    log.status(EventType.DONE, stage, "A question about your documents", 1.0)


def _context(log: LogMaker) -> None:
    stage = WorkflowStage.CONTEXT_GATHERING
    log.status(EventType.RUNNING, stage, "Looking through your documents, round 1", 0.5)
    source: dict[str, JSON] = {
        "id": "1",
        "document_id": 7,
        "revision": 2,
        "title": "Mill",
        "snippet": "The tailrace carries the water away.",
        "char_start": 120,
        "char_end": 156,
        "score": 0.75,
    }
    log.add(EventType.SOURCE, metadata=source)
    log.status(EventType.DONE, stage, "That is enough", 1.0)


def _answer(*, streaming: bool) -> Sequence[LoggedEvent]:
    log = LogMaker()
    _intent(log)
    _context(log)
    stage = WorkflowStage.EXECUTION
    plan: dict[str, JSON] = {"plan": {"steps": [{"action": "answer", "description": "Answer"}]}}
    log.status(EventType.DONE, stage, "One step", metadata=plan)
    log.status(EventType.RUNNING, stage, "Answering", 0.0)
    log.add(EventType.REASONING_CHUNK, "The passage says it.")
    for part in ("The water ", "flüsst 🌊 ", 'away, "it" says.\n'):
        log.chunk(part)
    citation: dict[str, JSON] = {
        "source_id": "1",
        "answer_start": 0,
        "answer_end": 10,
        "quote": "carries the water away",
        "document_id": 7,
        "revision": 2,
        "char_start": 133,
        "char_end": 155,
    }
    log.add(EventType.CITATION, metadata=citation)
    usage: dict[str, JSON] = {"prompt_tokens": 80, "completion_tokens": 9, "source": "reported"}
    log.add(EventType.USAGE, metadata=usage)
    log.status(EventType.DONE, stage, "Answered", 1.0)
    return log.end(Outcome.ANSWERED, streaming=streaming)


def _simple_chat(*parts: str) -> Sequence[LoggedEvent]:
    log = LogMaker()
    stage = WorkflowStage.INTENT_ANALYSIS
    log.status(EventType.THINKING, stage, "Working out what you mean")
    for part in parts or ("Hello", "!"):
        if part:
            log.chunk(part)
    log.status(EventType.DONE, stage, "Answered", 1.0)
    return log.end(Outcome.ANSWERED)


def _insufficient() -> Sequence[LoggedEvent]:
    log = LogMaker()
    _intent(log)
    log.status(EventType.RUNNING, WorkflowStage.CONTEXT_GATHERING, "Looking, round 1", 0.5)
    log.status(EventType.DONE, WorkflowStage.CONTEXT_GATHERING, "Nothing relevant", 1.0)
    log.chunk("Your documents say nothing about that.")
    return log.end(Outcome.INSUFFICIENT_CONTEXT)


def _failure(*parts: str) -> Sequence[LoggedEvent]:
    log = LogMaker()
    _intent(log)
    stage = WorkflowStage.EXECUTION
    log.status(EventType.RUNNING, stage, "Answering", 0.0)
    for part in parts:
        log.chunk(part)
    log.status(EventType.FAIL, stage, "The answer could not be written")
    error = ModelUnavailableError("The model's endpoint answers 500; try again.", retry_after_s=2.0)
    return log.end(Outcome.FAILED, error)


def _interrupt(*parts: str) -> Sequence[LoggedEvent]:
    log = LogMaker()
    _intent(log)
    log.status(EventType.RUNNING, WorkflowStage.EXECUTION, "Answering", 0.0)
    for part in parts:
        log.chunk(part)
    return log.end(Outcome.CANCELLED)


def _retract(*, discard_after: int) -> Sequence[LoggedEvent]:
    log = LogMaker()
    _intent(log)
    log.status(EventType.RUNNING, WorkflowStage.EXECUTION, "Answering", 0.0)
    for part in ("Kept, ", "kept too, "):
        log.chunk(part)
    log.add(EventType.USAGE, metadata={"prompt_tokens": 12, "completion_tokens": 2})
    for part in ("lost, ", "lost too."):
        log.chunk(part)
    log.add(EventType.RETRACT, metadata={"discard_after": discard_after})
    log.status(EventType.RUNNING, WorkflowStage.EXECUTION, "Answering again", 0.5)
    for part in ("and ", "new."):
        log.chunk(part)
    return log.end(Outcome.ANSWERED)


def _retract_all() -> Sequence[LoggedEvent]:
    log = LogMaker()
    log.status(EventType.RUNNING, WorkflowStage.EXECUTION, "Answering", 0.0)
    log.chunk("Lost.")
    log.add(EventType.RETRACT, metadata={"discard_after": 2})
    log.status(EventType.RUNNING, WorkflowStage.EXECUTION, "Answering again", 0.5)
    return log.end(Outcome.CANCELLED)


def _tools() -> Sequence[LoggedEvent]:
    log = LogMaker()
    log.status(EventType.RUNNING, WorkflowStage.CONTEXT_GATHERING, "Calling a tool", 0.5)
    call: dict[str, JSON] = {"call_id": "1", "name": "search", "arguments": {"query": "mill"}}
    log.add(EventType.TOOL_CALL, metadata=call)
    result: dict[str, JSON] = {"call_id": "1", "ok": True, "summary": "3 passages"}
    log.add(EventType.TOOL_RESULT, metadata=result)
    question: dict[str, JSON] = {
        "request_id": "1",
        "question": "Which mill?",
        "options": ["upper", "lower"],
        "expires_at": "2026-01-09T03:04:05Z",
    }
    log.add(EventType.INPUT_REQUIRED, "Which mill?", metadata=question)
    error = TailraceError("No answer came within 7 days.", code=ErrorCode.INPUT_EXPIRED)
    return log.end(Outcome.EXPIRED, error)


def _input() -> Sequence[LoggedEvent]:
    log = LogMaker()
    stage = WorkflowStage.EXECUTION
    log.status(EventType.RUNNING, stage, "Answering", 0.0)
    for number, place in enumerate(("upper", "lower"), start=1):
        asked: dict[str, JSON] = {
            "request_id": str(number),
            "question": "Which mill?",
            "expires_at": "2026-01-09T03:04:05Z",
        }
        log.add(EventType.INPUT_REQUIRED, "Which mill?", metadata=asked)
        told: dict[str, JSON] = {"request_id": str(number), "input": place}
        log.add(EventType.DONE, "Your answer was taken", metadata=told)
    log.add(EventType.RETRACT, metadata={"discard_after": 4})
    log.chunk("The upper one.")
    return log.end(Outcome.ANSWERED)
