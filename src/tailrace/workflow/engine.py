"""Floor 4: WorkflowEngine, which node runs next, until the run has ended.

Rule 1: every way through ends in exactly one terminal event: answered, insufficient, failed; only
    a cancelled run gets its terminal event from whoever cancels it.
Rule 2: one engine serves all runs; it keeps nothing between them.
Rule 3: a stage that is finished is not run again: a run that waited for its user, or whose process
    died, goes on with the first that is not.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Final

from tailrace.errors import FencedError, LimitExceededError, LogClosedError, TailraceError
from tailrace.events.ending import ending
from tailrace.events.event import StreamEvent
from tailrace.events.types import Outcome, WorkflowStage
from tailrace.nodes.base import BaseNode
from tailrace.nodes.scope import RunScope
from tailrace.state.state import WorkflowState

_log = logging.getLogger(__name__)

ORDER: Final = (
    WorkflowStage.INTENT_ANALYSIS,
    WorkflowStage.CONTEXT_GATHERING,
    WorkflowStage.EXECUTION,
)
"""The stages in their order; a node that sets the outcome ends the run before the next."""


class WorkflowEngine:
    """Runs the nodes of a plan, in order."""

    def __init__(
        self,
        nodes: Mapping[WorkflowStage, BaseNode],
        order: Sequence[WorkflowStage] = ORDER,
    ) -> None:
        self._nodes = nodes
        self._order = order

    async def execute(self, state: WorkflowState, scope: RunScope) -> WorkflowState:
        """Take the run from where it is to its end, or to where it waits for its user.

        Returns:
            The state there; its outcome says how the run ended, `waiting_for` what it waits for.

        Raises:
            StoreError: the log cannot be written any more; the run has no terminal event yet.
            FencedError: another attempt owns the run.
            LogClosedError: somebody else has ended it.
        """
        error: TailraceError | None = None
        try:
            remaining_s = scope.deadline_s - scope.clock.monotonic_s()
            async with asyncio.timeout(max(0.0, remaining_s)):
                await self._run_nodes(state, scope)
        except (FencedError, LogClosedError):
            raise
        except TimeoutError:
            msg = "this run took longer than it may; what was written so far is kept"
            error = LimitExceededError(msg)
        except TailraceError as exc:
            error = exc
        except Exception:  # noqa: BLE001 - the last of the places where everything is caught
            _log.exception("run %s failed outside its nodes", state.run_id)
            msg = "something unforeseen went wrong; the server's log has the details"
            error = TailraceError(msg)
        if error is None and state.waiting_for is not None:
            return state
        return await self._end(state, scope, error)

    async def execute_stream(
        self, state: WorkflowState, scope: RunScope, tasks: asyncio.TaskGroup
    ) -> AsyncGenerator[StreamEvent, None]:
        """`execute` as a task of `tasks`, and its events as they are committed.

        Closing the generator ends the viewer; the run goes on, owned by `tasks`.

        Raises:
            StoreError: the log cannot be read or written any more.
        """
        tasks.create_task(self.execute(state, scope))
        async with aclosing(scope.streaming_manager.stream()) as events:
            async for event in events:
                yield event

    async def _run_nodes(self, state: WorkflowState, scope: RunScope) -> None:
        for stage in self._order:
            if state.outcome is not None:
                return
            if stage in state.finished:
                continue
            if state.stage is not stage:
                state.update_stage(stage)
            await self._nodes[stage].execute(state, scope)
            if state.waiting_for is not None:
                return
            state.finished.append(stage)

    async def _end(
        self, state: WorkflowState, scope: RunScope, error: TailraceError | None
    ) -> WorkflowState:
        outcome = Outcome.FAILED if error else state.outcome or Outcome.ANSWERED
        if error is not None:
            state.errors.append(error.message)
        terminal = ending(
            outcome, scope.clock.now(), error=error, streaming=state.streaming_enabled
        )
        await scope.streaming_manager.emit(terminal)
        state.outcome = outcome
        state.final_content = scope.streaming_manager.fold.text
        state.update_stage(WorkflowStage.COMPLETED if error is None else WorkflowStage.FAILED)
        return state
