"""The table of legal transitions, and the state that obeys it."""

from pathlib import Path

import pytest

from tailrace.errors import ConflictError
from tailrace.events.types import TERMINAL_STAGES, WorkflowStage
from tailrace.state.manager import StateManager
from tailrace.state.state import Query, WorkflowState
from tailrace.state.transitions import NEXT, diagram


def test_every_stage_has_its_row_and_terminal_ones_end() -> None:
    assert set(NEXT) == set(WorkflowStage)
    assert all(not NEXT[stage] for stage in TERMINAL_STAGES)


def test_every_stage_that_is_not_terminal_can_fail_and_be_cancelled() -> None:
    working = set(WorkflowStage) - TERMINAL_STAGES - {WorkflowStage.NEXT}
    assert all({WorkflowStage.FAILED, WorkflowStage.CANCELLED} <= NEXT[stage] for stage in working)


def test_every_stage_but_next_can_be_reached_and_can_end() -> None:
    reached, frontier = {WorkflowStage.INIT}, [WorkflowStage.INIT]
    while frontier:
        new = NEXT[frontier.pop()] - reached
        reached |= new
        frontier += new
    assert reached == set(WorkflowStage) - {WorkflowStage.NEXT}


def test_the_diagram_draws_every_arrow_of_the_table() -> None:
    drawn = diagram()
    assert all(
        f"{stage.value} --> {follower.value}" in drawn
        for stage, followers in NEXT.items()
        for follower in followers
    )


def test_the_architecture_page_shows_the_diagram_of_the_table() -> None:
    page = Path(__file__).parents[2] / "ARCHITECTURE.md"
    assert diagram() in page.read_text("utf-8")


def test_a_state_refuses_an_illegal_stage_and_keeps_the_one_it_has() -> None:
    state = WorkflowState(run_id="r", query=Query(text="?"))
    with pytest.raises(ConflictError, match="'execution' cannot follow stage 'init'"):
        state.update_stage(WorkflowStage.EXECUTION)
    assert state.stage is WorkflowStage.INIT


def test_the_state_of_an_ended_run_leaves_memory() -> None:
    states = StateManager()
    states.add(WorkflowState(run_id="r", query=Query(text="?")))
    states.remove("r")
    assert len(states) == 0
