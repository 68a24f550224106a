"""Floor 5: Roster, the runs this process is at work on, each with its task, its turn, its place.

Rule 1: a run's turn comes after the run before it in its conversation, with a place of its owner.
Rule 2: a run that waits for its user is in nobody's way: it gives up both until it is answered.
Rule 3: a run that interrupts ends all that came before it in its conversation, before its turn.
Rule 4: a run's log and state leave memory when it ends.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager, nullcontext
from typing import TypeVar

from tailrace._clock import SYSTEM_CLOCK, Clock
from tailrace.agent.attendance import Attendance, AttendedView, Batches
from tailrace.agent.live_run import LiveRun
from tailrace.agent.quota import Quota
from tailrace.agent.request import OnConflict, cancel_after_s
from tailrace.errors import LogClosedError, StoreError, TailraceError
from tailrace.events.types import RunKind
from tailrace.settings import Settings
from tailrace.state.manager import StateManager
from tailrace.stores.base import RunRow

T = TypeVar("T")

_log = logging.getLogger(__name__)

_SHUT_DOWN_S = 10.0


class Roster:
    """Keeps live runs by their id, and works on them.

    Attributes:
        states: Their states.
        quotas: How many there may be of each kind, so that none takes the other's places; a run
            is accepted there before it is added here.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock = SYSTEM_CLOCK,
        on_end: Callable[[RunRow], None] | None = None,
    ) -> None:
        """Keep runs within `settings`.

        Args:
            settings: How many there may be.
            clock: What tells the time.
            on_end: Told of each run that has ended, or was let go of; it must be quick.
        """
        self._on_end = on_end
        self.states = StateManager()
        self.quotas = {
            RunKind.CHAT: Quota(
                max_at_work=settings.max_runs_at_work,
                max_live=settings.max_live_runs,
                max_queued=settings.max_queued_runs,
                max_aside=settings.max_waiting_runs,
                monotonic_s=clock.monotonic_s,
            ),
            RunKind.INGEST: Quota(
                max_at_work=settings.max_runs_at_work,
                max_live=settings.max_ingestions,
                max_queued=settings.max_queued_runs,
                max_aside=0,
                monotonic_s=clock.monotonic_s,
            ),
        }
        self._runs: dict[str, LiveRun] = {}
        self._last_of: dict[int, LiveRun] = {}
        self._attendance: dict[str, Attendance] = {}
        self._errands: set[asyncio.Task[object]] = set()

    @property
    def runs(self) -> list[LiveRun]:
        """All of them, in the order they were added."""
        return list(self._runs.values())

    def get(self, run_id: str) -> LiveRun | None:
        """The run, if it is at work here."""
        return self._runs.get(run_id)

    def add(self, live: LiveRun) -> None:
        """Begin to work on a run; no await, so that no one sees it half."""
        run_id = live.run.run_id
        self._runs[run_id] = live
        self.states.add(live.state)
        request = live.request
        after_s = cancel_after_s(request.on_disconnect)
        if after_s is not None:
            self._attendance[run_id] = Attendance(after_s, lambda: self._abandon(live))
        if request.on_conflict is OnConflict.INTERRUPT and not live.run.attempts:
            for other in self.before(live):
                self._send(self._cancel(other))
        if not live.waits:
            self._line_up(live)
        live.task = asyncio.create_task(self._work(live), name=f"run {run_id}")

    def before(self, live: LiveRun) -> list[LiveRun]:
        """The runs of its conversation that came before it and have not ended, newest first."""
        run = live.run
        return [
            other
            for other in reversed(self._runs.values())
            if other.run.conversation_id == run.conversation_id is not None
            and other.run.run_id < run.run_id
        ]

    def attended(self, live: LiveRun, batches: Batches, grace_s: float) -> Batches:
        """`batches`, whose reader counts as a viewer of the run, where that matters."""
        attendance = self._attendance.get(live.run.run_id)
        return batches if attendance is None else AttendedView(batches, attendance, grace_s)

    def attending(self, run_id: str) -> AbstractContextManager[None]:
        """Whoever enters this counts as a viewer of the run, where that matters."""
        attendance = self._attendance.get(run_id)
        return nullcontext() if attendance is None else attendance.attended()

    async def finish(self, errand: Coroutine[object, object, T]) -> T:
        """What `errand` gives; it goes on to its end if whoever waits for it here is cancelled.

        Raises:
            TailraceError: as the errand.
        """
        return await asyncio.shield(self._send(errand))

    async def shut_down(self) -> None:
        """Let go of every run as it is, for whoever opens the home next."""
        if self._errands:  # a run that is being accepted is let go like the others
            await asyncio.wait(self._errands, timeout=_SHUT_DOWN_S)
        leaving = [asyncio.create_task(self._leave(live)) for live in self._runs.values()]
        if leaving:
            await asyncio.wait(leaving, timeout=_SHUT_DOWN_S)

    def _send(self, errand: Coroutine[object, object, T]) -> "asyncio.Task[T]":
        task = asyncio.create_task(errand)
        self._errands.add(task)

        def done(_: "asyncio.Task[T]") -> None:
            self._errands.discard(task)
            if not task.cancelled():
                task.exception()  # seen: whoever waited may have been cancelled

        task.add_done_callback(done)
        return task

    def _abandon(self, live: LiveRun) -> None:
        """End a run that all its viewers have left."""
        if not live.manager.ending:
            self._send(self._cancel(live))

    @staticmethod
    async def _cancel(live: LiveRun) -> None:
        try:
            await live.cancel()
        except StoreError:  # then `_work` closes it in another way
            _log.warning("run %s could not write its end", live.run.run_id)

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
        except LogClosedError:
            pass  # it has said its last; where that cannot be kept, this is not why
        except TailraceError as exc:
            error = exc
        finally:
            await live.manager.settled()
            if not live.manager.log.closed and not is_left:
                await live.close_failed(error)
            self._forget(live)

    async def _take_turn(self, live: LiveRun) -> None:
        """Work on the run, once it is its turn and there is a place."""
        while (before := live.predecessor) is not None:
            await before.passed.wait()
            # one that was cancelled in the line leaves its own place in it
            live.predecessor = before.predecessor if before.ended.is_set() else None
        owner, quota = live.run.owner, self.quotas[live.run.kind]
        async with quota.place(owner):
            await live.work(may_ask=quota.may_step_aside(owner))

    async def _stand_aside(self, live: LiveRun) -> None:
        """Let the others on until the run's user has answered; it is then the last in its line."""
        self._leave_line(live)
        live.passed.set()
        with self.quotas[live.run.kind].aside(live.run.owner):
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
        attendance = self._attendance.pop(live.run.run_id, None)
        if attendance is not None:
            attendance.dismiss()  # before its log closes, which ends its viewers
        self.states.remove(live.run.run_id)
        self.quotas[live.run.kind].release(live.run.owner)
        self._leave_line(live)
        live.passed.set()
        live.ended.set()
        if self._on_end is not None:
            self._on_end(live.run)
