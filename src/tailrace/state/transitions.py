"""Floor 2: which stage may follow which, as a table; the documentation's diagram is drawn from it.

Rule 1: a terminal stage has no successor.
Rule 2: a run can fail or be cancelled at every stage that is not terminal.
"""

from collections.abc import Mapping
from typing import Final

from tailrace.errors import ConflictError
from tailrace.events.types import WorkflowStage

_ENDINGS: Final = frozenset({WorkflowStage.FAILED, WorkflowStage.CANCELLED})

NEXT: Final[Mapping[WorkflowStage, frozenset[WorkflowStage]]] = {
    WorkflowStage.INIT: frozenset({WorkflowStage.INTENT_ANALYSIS, WorkflowStage.CONTEXT_GATHERING})
    | _ENDINGS,
    WorkflowStage.INTENT_ANALYSIS: frozenset(
        {WorkflowStage.CONTEXT_GATHERING, WorkflowStage.COMPLETED}
    )
    | _ENDINGS,
    WorkflowStage.CONTEXT_GATHERING: frozenset({WorkflowStage.EXECUTION, WorkflowStage.COMPLETED})
    | _ENDINGS,
    WorkflowStage.EXECUTION: frozenset({WorkflowStage.REFLECTION, WorkflowStage.COMPLETED})
    | _ENDINGS,
    WorkflowStage.REFLECTION: frozenset(
        {WorkflowStage.CONTEXT_GATHERING, WorkflowStage.EXECUTION, WorkflowStage.COMPLETED}
    )
    | _ENDINGS,
    WorkflowStage.COMPLETED: frozenset(),
    WorkflowStage.FAILED: frozenset(),
    WorkflowStage.CANCELLED: frozenset(),
    WorkflowStage.NEXT: frozenset(),
}


def check_transition(stage: WorkflowStage, following: WorkflowStage) -> None:
    """Nothing, where `following` may come after `stage`.

    Raises:
        ConflictError: it may not.
    """
    if following not in NEXT[stage]:
        msg = f"stage {following.value!r} cannot follow stage {stage.value!r}"
        raise ConflictError(msg)


def diagram() -> str:
    """The table as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", f"    [*] --> {WorkflowStage.INIT.value}"]
    for stage, followers in NEXT.items():
        lines += [f"    {stage.value} --> {follower.value}" for follower in sorted(followers)]
    lines += [
        f"    {stage.value} --> [*]"
        for stage, followers in NEXT.items()
        if not followers and stage is not WorkflowStage.NEXT
    ]
    return "\n".join(lines)
