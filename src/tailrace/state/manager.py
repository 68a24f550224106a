"""Floor 2: StateManager, the states of the runs that are at work in this process.

Rule 1: a state leaves memory when its run ends; what is worth keeping is in the store by then.
"""

from tailrace.errors import ConflictError, NotFoundError
from tailrace.state.state import WorkflowState


class StateManager:
    """Keeps the states of live runs by run id."""

    def __init__(self) -> None:
        self._states: dict[str, WorkflowState] = {}

    def __len__(self) -> int:
        return len(self._states)

    def add(self, state: WorkflowState) -> None:
        """Keep `state` until its run ends.

        Raises:
            ConflictError: the run has a state already.
        """
        if state.run_id in self._states:
            msg = f"run {state.run_id} is at work already"
            raise ConflictError(msg)
        self._states[state.run_id] = state

    def get(self, run_id: str) -> WorkflowState:
        """The state of a live run.

        Raises:
            NotFoundError: the run is not at work here.
        """
        state = self._states.get(run_id)
        if state is None:
            msg = f"run {run_id!r} is not at work here"
            raise NotFoundError(msg)
        return state

    def remove(self, run_id: str) -> None:
        """Let the state of an ended run go."""
        self._states.pop(run_id, None)
