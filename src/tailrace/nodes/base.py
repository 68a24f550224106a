"""Floor 3: BaseNode, what every node has in common.

Rule 1: a node keeps nothing between runs: all it knows is in its arguments.
Rule 2: `process` is yours; `execute` is ours: it turns what goes wrong into one `fail` event at
    the node's own stage, which is not terminal, and hands the error on to the engine.
"""

import logging
from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import timedelta
from typing import ClassVar

from tailrace._ids import new_request_id
from tailrace.errors import LogClosedError, StoreError, TailraceError
from tailrace.events.asking import InputRequest, asking
from tailrace.events.event import JSON, StreamEvent
from tailrace.events.types import EventType, NodeType, WorkflowStage
from tailrace.nodes.scope import RunScope
from tailrace.state.checkpoint import output_of
from tailrace.state.state import WorkflowState
from tailrace.stores.base import StageResult

_log = logging.getLogger(__name__)


class BaseNode(ABC):
    """The work of one stage.

    Attributes:
        type: Which node its events say they are from.
        stage: The stage it works at.
        title: What people call its work, for messages: "Reading your question".
    """

    type: ClassVar[NodeType]
    stage: ClassVar[WorkflowStage]
    title: ClassVar[str]

    @abstractmethod
    async def process(self, state: WorkflowState, scope: RunScope) -> WorkflowState:
        """Do the work and end it with `end`.

        Raises:
            TailraceError: the work cannot be done; the run fails with its code.
        """

    async def execute(self, state: WorkflowState, scope: RunScope) -> WorkflowState:
        """`process`, with what goes wrong said as a `fail` event.

        Raises:
            TailraceError: as `process`; anything unforeseen as `internal`.
            LogClosedError: the run has said its last meanwhile.
            StoreError: the log cannot be written.
        """
        try:
            return await self.process(state, scope)
        except (LogClosedError, StoreError):
            raise  # there is no log to say it in
        except TailraceError as error:
            await self._fail(scope, error)
            raise
        except Exception as exc:
            _log.exception("%s of run %s failed", self.type.value, state.run_id)
            msg = "something unforeseen went wrong here; the server's log has the details"
            error = TailraceError(msg)
            await self._fail(scope, error)
            raise error from exc

    async def say(
        self,
        scope: RunScope,
        type_: EventType,
        message: str,
        *,
        progress: float | None = None,
        metadata: dict[str, JSON] | None = None,
    ) -> None:
        """Emit a status of this node."""
        await scope.emit(self._event(scope, type_, message, progress, metadata))

    async def ask(
        self,
        state: WorkflowState,
        scope: RunScope,
        question: str,
        *,
        options: Sequence[str] = (),
    ) -> None:
        """Ask the run's user, who must be `interactive`; to be the last thing `process` does.

        The run waits. With the answer in `state.query.inputs`, `process` is run again from its
        start; without one in time, the run ends as expired.
        """
        at = scope.clock.now()
        request = InputRequest(
            request_id=new_request_id(),
            question=question,
            options=tuple(options),
            expires_at=at + timedelta(seconds=scope.settings.input_timeout_s),
        )
        await scope.emit(asking(request, stage=self.stage, node=self.type, at=at))
        state.waiting_for = request

    async def end(
        self,
        state: WorkflowState,
        scope: RunScope,
        message: str,
        *,
        metadata: dict[str, JSON] | None = None,
    ) -> None:
        """Emit `done` for the whole stage, committed together with what it has worked out."""
        event = self._event(scope, EventType.DONE, message, 1.0, metadata)
        result = StageResult(stage=self.stage, output=output_of(state, self.stage))
        await scope.streaming_manager.emit(event, stage_result=result)

    async def _fail(self, scope: RunScope, error: TailraceError) -> None:
        if scope.streaming_manager.ending:
            return
        metadata: dict[str, JSON] = {"code": error.code.value}
        message = f"{self.title}: {error.message}"
        await scope.emit(self._event(scope, EventType.FAIL, message, None, metadata))

    def _event(
        self,
        scope: RunScope,
        type_: EventType,
        message: str,
        progress: float | None,
        metadata: dict[str, JSON] | None,
    ) -> StreamEvent:
        return StreamEvent(
            type=type_,
            content=message,
            progress=progress,
            timestamp=scope.clock.now(),
            stage=self.stage,
            node=self.type,
            metadata=metadata or {},
        )
