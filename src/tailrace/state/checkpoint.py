"""Floor 2: what a finished stage hands on, and a state made again from it. Pure."""

from collections.abc import Sequence
from typing import cast

import msgspec

from tailrace.events.event import JSON
from tailrace.events.types import WorkflowStage
from tailrace.state.state import ContextCollection, Intent, WorkflowState
from tailrace.stores.base import StageResult


def output_of(state: WorkflowState, stage: WorkflowStage) -> dict[str, JSON]:
    """What `stage` has added to the state, as it is kept."""
    match stage:
        case WorkflowStage.INTENT_ANALYSIS:
            return cast("dict[str, JSON]", msgspec.to_builtins(state.intent))
        case WorkflowStage.CONTEXT_GATHERING:
            return cast("dict[str, JSON]", msgspec.to_builtins(state.contexts))
        case _:
            return {}


def restore(state: WorkflowState, results: Sequence[StageResult]) -> None:
    """Put back into `state` what its finished stages have worked out."""
    for result in results:
        match result.stage:
            case WorkflowStage.INTENT_ANALYSIS:
                state.intent = msgspec.convert(result.output, Intent)
            case WorkflowStage.CONTEXT_GATHERING:
                state.contexts = msgspec.convert(result.output, ContextCollection)
            case _:
                continue
