"""Floor 5: Leases, how a worker that shares its store keeps its runs, and takes those of the dead.

Rule 1: what it holds is renewed four times in a lease, all of it in one commit.
Rule 2: a run that turns out to be another worker's is let go of at once: its model call is broken
    off, nothing is written, its viewers come back and are told the rest by whoever asks.
Rule 3: it looks for lost runs when it renews, and when the next lease of another worker ends; so a
    run whose worker died is silent for the lease, and not for a round longer.

A worker that has its store to itself (see `Parts.worker`) needs none of this: nobody is there who
could take its runs, and its next start takes them at once, whatever the leases say.
"""

import asyncio
import logging
from typing import Final

from tailrace._clock import Clock
from tailrace.agent.live_run import LiveRun
from tailrace.agent.parts import Parts
from tailrace.agent.roster import Roster
from tailrace.errors import (
    CorruptLogError,
    ErrorCode,
    FencedError,
    LogClosedError,
    StoreError,
    TailraceError,
)
from tailrace.stores.base import RunRow, RunState

_log = logging.getLogger(__name__)

_LOST: Final = "every process that worked on this run has ended; what was written so far is kept"
_RENEWALS: Final = 4  # in a lease: three may fail before anybody takes the run
_MOST_TAKEN: Final = 16  # in one look, so that one worker does not take all that another had
_MARGIN_S: Final = 0.01  # a lease ends on the store's clock; to come too early costs a whole round


class Leases:
    """Puts runs that nobody holds on the roster, and keeps the leases of those that are there."""

    def __init__(self, parts: Parts, roster: Roster, clock: Clock) -> None:
        self._parts = parts
        self._roster = roster
        self._clock = clock
        self._keeping: asyncio.Task[None] | None = None
        self._closing = False

    async def open(self) -> None:
        """Take all runs that nobody holds; where the store is shared, keep them from now on.

        Raises:
            StoreError: the store cannot be read.
        """
        for run in await self._parts.store.live_runs(self._parts.worker):
            await self.take(run)
        if self._parts.worker:
            self._keeping = asyncio.create_task(self._keep(), name="leases")

    async def aclose(self) -> None:
        """Take and renew nothing more; safe to call twice."""
        self._closing = True
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.wait([self._keeping])

    async def take(self, run: RunRow) -> None:
        """Go on with a run that nobody holds, unless too many processes have died of it.

        Raises:
            StoreError: the store cannot be read.
        """
        max_attempts = self._parts.settings.max_attempts
        if run.attempts >= max_attempts and run.state is RunState.RUNNING:
            await self._give_up(run)
            return
        try:
            live = await LiveRun.found(run, self._parts, self._clock)
        except CorruptLogError as error:  # it ends with what is before the damage
            _log.error("run %s cannot go on: %s", run.run_id, error.message)
            await self._parts.store.fail(run.run_id, error, self._clock.now())
            return
        if self._roster.get(run.run_id) is None and not self._closing:
            self._roster.quotas[run.kind].readmit(run.owner)
            self._roster.add(live)

    async def _give_up(self, run: RunRow) -> None:
        store = self._parts.store
        error = TailraceError(_LOST, code=ErrorCode.WORKER_LOST, retryable=True)
        try:
            await store.claim(
                run.run_id, worker=self._parts.worker, lease_s=self._parts.settings.lease_s
            )
        except (FencedError, LogClosedError):  # its worker has come back meanwhile
            return
        await store.fail(run.run_id, error, self._clock.now())
        _log.warning("run %s has ended %d processes; closed it", run.run_id, run.attempts)

    async def _keep(self) -> None:
        while True:
            await self._renew_all()
            await asyncio.sleep(await self._look())

    async def _renew_all(self) -> None:
        held = [live for live in self._roster.runs if live.leased]
        if held:  # all in one turn of the loop, which makes them one commit
            await asyncio.gather(*(self._renew(live) for live in held))

    async def _renew(self, live: LiveRun) -> None:
        run_id = live.run.run_id
        try:
            await self._parts.store.heartbeat(
                run_id, live.manager.epoch, self._parts.settings.lease_s
            )
        except (FencedError, LogClosedError) as error:  # where it has just ended here, that is over
            live.lose(error)
        except StoreError as error:
            _log.warning("the lease of run %s could not be renewed: %s", run_id, error.message)

    async def _look(self) -> float:
        """Take what others have lost; how long to wait before the next round, in seconds."""
        renewal_s = self._parts.settings.lease_s / _RENEWALS
        known = {live.run.run_id for live in self._roster.runs}
        try:
            lost = await self._parts.store.lost_runs(self._parts.worker, len(known) + _MOST_TAKEN)
            new = [run for run in lost.runs if run.run_id not in known][:_MOST_TAKEN]
            for run in new:
                await self.take(run)
        except StoreError as error:
            _log.warning("no lost run could be taken: %s", error.message)
            return renewal_s
        if len(new) == _MOST_TAKEN:
            return 0.0
        if lost.next_end_s is None:
            return renewal_s
        return min(renewal_s, lost.next_end_s + _MARGIN_S)
