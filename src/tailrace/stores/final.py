"""Floor 1: what is kept of a run once it has ended, taken from its fold. Pure."""

from datetime import datetime
from typing import Final, cast

from tailrace.events.event import JSON, StreamEvent
from tailrace.events.fold import RunFold
from tailrace.events.types import Outcome, WorkflowStage
from tailrace.stores.base import FinalState, RunState

_STATES: Final = {
    WorkflowStage.COMPLETED: RunState.COMPLETED,
    WorkflowStage.FAILED: RunState.FAILED,
    WorkflowStage.CANCELLED: RunState.CANCELLED,
}


def final_state(fold: RunFold, terminal: StreamEvent) -> FinalState:
    """How the run and its message end, given the fold up to and including `terminal`."""
    stage = cast("WorkflowStage", terminal.stage)
    error = cast("dict[str, JSON]", terminal.metadata.get("error") or {})
    started_at = fold.started_at or terminal.timestamp
    return FinalState(
        state=_STATES[stage],
        stage=stage,
        outcome=Outcome(cast("str", terminal.metadata["outcome"])),
        content=fold.text,
        thinking=tuple(fold.thinking),
        metadata=message_metadata(fold),
        error_code=cast("str | None", error.get("code")),
        error_message=terminal.content if error else "",
        token_count=cast("int", fold.usage.get("completion_tokens", 0)),
        latency_ms=_milliseconds(started_at, terminal.timestamp),
        finished_at=terminal.timestamp,
        snapshot=fold.snapshot().data,
    )


def message_metadata(fold: RunFold) -> dict[str, JSON]:
    """What happened on the way to the answer: `{type: [{content, timestamp, stage, progress}]}`.

    The sources stand under `source` and what rests on them under `citation`, as their events carry
    them; under `input` what was asked back and answered, and under `input_required` what still
    waits for an answer.
    """
    metadata: dict[str, JSON] = {}
    for status in fold.statuses:
        entry: dict[str, JSON] = {
            "content": status.content,
            "timestamp": status.timestamp.isoformat(),
            "stage": status.stage.value if status.stage else None,
            "progress": status.progress,
        }
        entries = cast("list[JSON]", metadata.setdefault(status.type.value, []))
        entries.append(entry)
    if fold.inputs:
        metadata["input"] = cast("list[JSON]", fold.inputs)
    if fold.input_required is not None:
        metadata["input_required"] = [fold.input_required.metadata]
    if fold.sources:
        metadata["source"] = cast("list[JSON]", fold.sources)
    if fold.citations:
        metadata["citation"] = cast("list[JSON]", fold.citations)
    return metadata


def _milliseconds(start: datetime, end: datetime) -> int:
    return max(0, round((end - start).total_seconds() * 1000))
