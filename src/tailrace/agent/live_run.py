"""Floor 5: LiveRun, a run that this process is at work on, or that waits for its place here."""

import asyncio
import logging

from tailrace._clock import Clock
from tailrace.errors import StoreError, TailraceError
from tailrace.events.ending import ending
from tailrace.events.types import Outcome
from tailrace.state.state import WorkflowState
from tailrace.stores.base import RunRow, RunStore
from tailrace.streaming.manager import StreamingManager

_log = logging.getLogger(__name__)

_MAX_TRIES = 8
_MAX_WAIT_S = 30.0


class LiveRun:
    """One run at work: its log, its state, its task.

    Attributes:
        predecessor: The run before it in its conversation; it waits for that one's end.
        ended: Set once its log is closed and its place is free.
    """

    def __init__(
        self,
        run: RunRow,
        manager: StreamingManager,
        state: WorkflowState,
        predecessor: "LiveRun | None",
    ) -> None:
        self.run = run
        self.manager = manager
        self.state = state
        self.predecessor = predecessor
        self.ended = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    async def cancel(self, clock: Clock) -> None:
        """End the run as cancelled; the partial answer stays.

        Returns once the log is closed; a run that has said its last stays as it ended.

        Raises:
            StoreError: the log cannot be written.
        """
        await self._stop(Outcome.CANCELLED, None, clock)

    async def lose(self, error: TailraceError, clock: Clock) -> None:
        """End the run as failed with `error`, because its process goes.

        Raises:
            StoreError: the log cannot be written.
        """
        await self._stop(Outcome.FAILED, error, clock)

    async def _stop(self, outcome: Outcome, error: TailraceError | None, clock: Clock) -> None:
        if self.manager.ending:
            await self.ended.wait()
            return
        if self.task is not None:
            self.task.cancel()
        # The terminal event enters the buffer before the task runs again, so nothing follows it.
        terminal = ending(outcome, clock.now(), error=error, streaming=self.state.streaming_enabled)
        await self.manager.emit(terminal)

    async def close_failed(self, store: RunStore, error: TailraceError, clock: Clock) -> None:
        """End the run through the store, because its own log could not be written.

        Tried again for a while: a full disk may have room a moment later. What cannot be closed
        now is closed when the home is opened next.
        """
        wait_s = 0.25
        for _ in range(_MAX_TRIES):
            try:
                await store.fail(self.run.run_id, error, clock.now())
                await self.manager.recover()
            except StoreError:
                await asyncio.sleep(wait_s)
                wait_s = min(2 * wait_s, _MAX_WAIT_S)
            else:
                return
        _log.error("run %s could not be closed; it will be at the next start", self.run.run_id)
        self.manager.log.close()
