"""Floor 0: the words events are made of."""

from enum import StrEnum


class EventType(StrEnum):
    """What kind of thing happened; docs/reference/events.md says what each means."""

    THINKING = "thinking"
    RUNNING = "running"
    DONE = "done"
    FAIL = "fail"
    COMPLETED = "completed"
    STREAM_CHUNK = "stream_chunk"
    STREAM_COMPLETE = "stream_complete"
    INTERRUPTED = "interrupted"
    REASONING_CHUNK = "reasoning_chunk"
    SOURCE = "source"
    CITATION = "citation"
    TOOL_CALL = "tool_call"
    TOOL_RESULT = "tool_result"
    USAGE = "usage"
    INPUT_REQUIRED = "input_required"
    RETRACT = "retract"
    SNAPSHOT = "snapshot"


class WorkflowStage(StrEnum):
    """Where a run is."""

    INIT = "init"
    INTENT_ANALYSIS = "intent_analysis"
    CONTEXT_GATHERING = "context_gathering"
    EXECUTION = "execution"
    REFLECTION = "reflection"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    NEXT = "next"


class NodeType(StrEnum):
    """Which node speaks."""

    INTENT = "intent"
    CONTEXT = "context"
    EXECUTE = "execute"
    REFLECT = "reflect"


class RunKind(StrEnum):
    """What a run is for."""

    CHAT = "chat"
    """It answers a question."""
    INGEST = "ingest"
    """It reads documents in."""


class Outcome(StrEnum):
    """How a run ended."""

    ANSWERED = "answered"
    INSUFFICIENT_CONTEXT = "insufficient_context"
    CANCELLED = "cancelled"
    FAILED = "failed"
    EXPIRED = "expired"


TERMINAL_STAGES = frozenset(
    {WorkflowStage.COMPLETED, WorkflowStage.FAILED, WorkflowStage.CANCELLED}
)
"""Only a terminal event has one of these stages."""

CHUNK_TYPES = frozenset({EventType.STREAM_CHUNK, EventType.REASONING_CHUNK})
"""Increments: adjacent ones of one type may be merged before they are committed."""
