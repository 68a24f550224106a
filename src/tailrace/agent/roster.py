"""Floor 5: Roster, the runs this process is at work on, each with its task, its turn, its place.

Rule 1: a run's turn comes after the run before it in its conversation, with a place of its owner.
Rule 2: a run that waits for its user is in nobody's way: it gives up both until it is answered.
Rule 3: a run's log and state leave memory when it ends.
"""

import asyncio
import logging

from tailrace.agent.live_run import LiveRun
from tailrace.agent.quota import Quota
from tailrace.errors import StoreError, TailraceError
from tailrace.settings import Settings
from tailrace.state.manager import StateManager

_log = logging.getLogger(__name__)

_SHUT_DOWN_S = 10.0


class Roster:
    """Keeps live runs by their id, and works on them.

    Attributes:
        states: Their states.
        quota: How many there may be; a run is accepted there before it is added here.
    """

    def __init__(self, settings: Settings) -> None:
        self.states = StateManager()
        self.quota = Quota(
            settings.max_live_runs, settings.max_queued_runs, settings.max_waiting_runs
        )
        self._runs: dict[str, LiveRun] = {}
        self._last_of: dict[int, LiveRun] = {}

    def get(self, run_id: str) -> LiveRun | None:
        """The run, if it is at work here."""
        return self._runs.get(run_id)

    def add(self, live: LiveRun) -> None:
        """Begin to work on a run; no await, so that no one sees it half."""
        self._runs[live.run.run_id] = live
        self.states.add(live.state)
        if not live.waits:
            self._line_up(live)
        live.task = asyncio.create_task(self._work(live), name=f"run {live.run.run_id}")

    async def shut_down(self) -> None:
        """Let go of every run as it is, for whoever opens the home next."""
        leaving = [asyncio.create_task(self._leave(live)) for live in self._runs.values()]
        if leaving:
            await asyncio.wait(leaving, timeout=_SHUT_DOWN_S)

    @staticmethod
    async def _leave(live: LiveRun) -> None:
        try:
            await live.leave()
        except StoreError:
            _log.warning("run %s will be found as if the process had died", live.run.run_id)

    async def _work(self, live: LiveRun) -> None:
        """The life of a run's task, from the queue to its end.

        Raises:
            CancelledError: the event loop itself ends, or the process stops while the run waits.
        """
        error: TailraceError = StoreError("the log of this run could not be written")
        is_left = False
        try:
            if not live.waits:
                await self._take_turn(live)
            while live.waits:
                await self._stand_aside(live)
                if not live.manager.ending:
                    await self._take_turn(live)
        except asyncio.CancelledError:
            if not live.manager.ending:  # nobody asked for its end
                is_left = True
                raise
        except TailraceError as exc:
            error = exc
        finally:
            await live.manager.settled()
            if not live.manager.log.closed and not is_left:
                await live.close_failed(error)
            self._forget(live)

    async def _take_turn(self, live: LiveRun) -> None:
        """Work on the run, once it is its turn and there is a place."""
        if live.predecessor is not None:
            await live.predecessor.passed.wait()
            live.predecessor = None
        owner = live.run.owner
        async with self.quota.place(owner):
            await live.work(may_ask=self.quota.may_step_aside(owner))

    async def _stand_aside(self, live: LiveRun) -> None:
        """Let the others on until the run's user has answered; it is then the last in its line."""
        self._leave_line(live)
        live.passed.set()
        with self.quota.aside(live.run.owner):
            await live.answered()
        if not live.manager.ending:
            live.passed.clear()
            self._line_up(live)

    def _line_up(self, live: LiveRun) -> None:
        conversation_id = live.run.conversation_id
        if conversation_id is not None:
            live.predecessor = self._last_of.get(conversation_id)
            self._last_of[conversation_id] = live

    def _leave_line(self, live: LiveRun) -> None:
        conversation_id = live.run.conversation_id
        if conversation_id is not None and self._last_of.get(conversation_id) is live:
            del self._last_of[conversation_id]

    def _forget(self, live: LiveRun) -> None:
        self._runs.pop(live.run.run_id, None)
        self.states.remove(live.run.run_id)
        self.quota.release(live.run.owner)
        self._leave_line(live)
        live.passed.set()
        live.ended.set()
