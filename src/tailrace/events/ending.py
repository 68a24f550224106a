"""Floor 0: how a run ends, in one event. Pure: the time is handed in.

Rule 1: a terminal event says how the run ended (`ending`), and, once the log gives it its place,
    what the run amounts to (`with_facts`): last seq, hash of the text, usage, seconds a stage.
"""

import hashlib
from datetime import datetime
from typing import assert_never

import msgspec

from tailrace.errors import TailraceError
from tailrace.events.event import JSON, StreamEvent
from tailrace.events.fold import RunFold
from tailrace.events.types import EventType, Outcome, WorkflowStage


def ending(
    outcome: Outcome,
    at: datetime,
    *,
    error: TailraceError | None = None,
    streaming: bool = True,
) -> StreamEvent:
    """The terminal event for `outcome`; `error` where it is FAILED or EXPIRED."""
    metadata: dict[str, JSON] = {"outcome": outcome.value}
    match outcome:
        case Outcome.ANSWERED | Outcome.INSUFFICIENT_CONTEXT:
            type_ = EventType.STREAM_COMPLETE if streaming else EventType.COMPLETED
            stage, content = WorkflowStage.COMPLETED, ""
        case Outcome.CANCELLED:
            type_, stage = EventType.INTERRUPTED, WorkflowStage.CANCELLED
            content = "Stopped. What was written so far is kept."
        case Outcome.FAILED | Outcome.EXPIRED:
            type_, stage = EventType.FAIL, WorkflowStage.FAILED
            content = error.message[:1].upper() + error.message[1:] if error else ""
        case _:
            assert_never(outcome)
    if error is not None:
        metadata["error"] = error_facts(error)
    return StreamEvent(
        type=type_,
        content=content,
        stage=stage,
        progress=1.0 if stage is WorkflowStage.COMPLETED else None,
        timestamp=at,
        metadata=metadata,
    )


def error_facts(error: TailraceError) -> dict[str, JSON]:
    """The error as a client may see it: code, message, whether and when to try again."""
    facts: dict[str, JSON] = {
        "code": error.code.value,
        "message": error.message,
        "retryable": error.retryable,
    }
    if error.retry_after_s is not None:
        facts["retry_after_s"] = error.retry_after_s
    return facts


def with_facts(event: StreamEvent, fold: RunFold, seq: int) -> StreamEvent:
    """The terminal event, completed by what `fold` knows of everything before it."""
    text = fold.text
    usage: dict[str, JSON] = dict(fold.usage)
    if event.stage is not WorkflowStage.COMPLETED:
        usage["partial"] = True
    metadata: dict[str, JSON] = {
        **event.metadata,
        "last_seq": seq,
        "content_sha256": content_sha256(text),
        "usage": usage,
        "seconds": fold.seconds_by_stage(event.timestamp),
    }
    content = text if event.type is EventType.COMPLETED else event.content
    return msgspec.structs.replace(event, content=content, metadata=metadata)


def content_sha256(text: str) -> str:
    """The hash of an answer: SHA-256 over its UTF-8 bytes, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()
