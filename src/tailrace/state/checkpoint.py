"""Floor 2: what a finished stage hands on, and a state made again from it. Pure.

Rule: a stage that decided how the run ends hands that on too, so that whoever goes on after a
crash between its end and the run's ends the run in the same way.
"""

from collections.abc import Sequence

import msgspec

from tailrace.events.event import JSON
from tailrace.events.types import Outcome, WorkflowStage
from tailrace.state.state import ContextCollection, Intent, WorkflowState
from tailrace.stores.base import StageResult


def output_of(state: WorkflowState, stage: WorkflowStage) -> dict[str, JSON]:
    """What `stage` has added to the state, as it is kept."""
    match stage:
        case WorkflowStage.INTENT_ANALYSIS:
            result = msgspec.to_builtins(state.intent)
        case WorkflowStage.CONTEXT_GATHERING:
            result = msgspec.to_builtins(state.contexts)
        case _:
            result = None
    return {"result": result, "outcome": state.outcome.value if state.outcome else None}


def restore(state: WorkflowState, results: Sequence[StageResult]) -> None:
    """Put back into `state` what its finished stages have worked out."""
    for each in results:
        state.finished.append(each.stage)
        outcome = each.output["outcome"]
        if outcome is not None:
            state.outcome = Outcome(outcome)
        match each.stage:
            case WorkflowStage.INTENT_ANALYSIS:
                state.intent = msgspec.convert(each.output["result"], Intent)
            case WorkflowStage.CONTEXT_GATHERING:
                state.contexts = msgspec.convert(each.output["result"], ContextCollection)
            case _:
                continue
