"""Testing floor: the people of a world: they ask, watch, leave, come back, answer and stop.

Rule 1: a client knows what came over its lines and nothing else; what it may not see, or must have
    seen, it tells the world at once.
Rule 2: it tries again what may be tried again, as our own clients do.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Final, Protocol, TypeVar

from tailrace.agent.context_agent import ContextAgent
from tailrace.agent.request import ChatRequest
from tailrace.errors import (
    ConflictError,
    CursorError,
    InputExpiredError,
    NotFoundError,
    StoreError,
    TooManyRunsError,
)
from tailrace.events.event import Cursor
from tailrace.events.logged import LoggedEvent
from tailrace.events.types import EventType
from tailrace.stores.base import LIVE_STATES, RunRow
from tailrace.testing.memory_store import MemoryStore
from tailrace.testing.simulation import rules
from tailrace.testing.simulation.worker import Line, LineDeadError, Worker

T = TypeVar("T")

_AGAIN_S: Final = 0.4
_PATIENCE: Final = 200


class Around(Protocol):
    """What a client has around it."""

    @property
    def store(self) -> MemoryStore:
        """What is really kept."""
        ...

    def draw(self) -> float:
        """A number between 0 and 1, left to chance."""
        ...

    def some_worker(self) -> Worker:
        """One of the workers, dead or alive."""
        ...

    def broken(self, what: str) -> None:
        """Note that a rule does not hold."""
        ...


class Asker:
    """Whoever asked one question, with all the viewers of its run.

    Attributes:
        run: Its run; None where it was refused.
        transcripts: What each viewer has seen that is shown every event.
        digests: What each viewer has seen that is shown snapshots and merged chunks as well.
        taken: The answers that were taken: `(request_id, text)`.
        closed_at: The last seq of the run when a cancel was acknowledged.
    """

    def __init__(self, world: Around, request: ChatRequest, key: str) -> None:
        self.run: RunRow | None = None
        self.transcripts: list[list[LoggedEvent]] = []
        self.digests: list[list[LoggedEvent]] = []
        self.taken: list[tuple[str, str]] = []
        self.closed_at: int | None = None
        self._world = world
        self._request = request
        self._key = key

    async def live(self) -> None:
        """Ask, and stay to the run's end."""
        world = self._world
        self.run = await self._ask()
        if self.run is None:
            return
        async with asyncio.TaskGroup() as tasks:
            for _ in range(1 + int(2 * world.draw())):
                tasks.create_task(self._watch())
            if world.draw() < 0.3:
                for _ in range(1 + int(2 * world.draw())):
                    tasks.create_task(self._stop())

    async def _ask(self) -> RunRow | None:
        for _ in range(_PATIENCE):
            try:
                return await self._world.some_worker().call(
                    lambda agent: agent.start(self._request, idempotency_key=self._key)
                )
            except (LineDeadError, StoreError, TooManyRunsError):
                await self._wait()
            except ConflictError:
                return None
        self._world.broken(f"{self._request.query}: it was never accepted")
        return None

    async def _watch(self) -> None:
        world, run, seen = self._world, self._known(), list[LoggedEvent]()
        may_merge = world.draw() < 0.4
        (self.digests if may_merge else self.transcripts).append(seen)
        for _ in range(_PATIENCE):
            if seen and seen[-1].event.is_terminal:
                return
            if world.draw() < 0.1:
                seen.clear()  # a viewer that has lost its place begins again
            worker = world.some_worker()
            with suppress(LineDeadError, StoreError, CursorError, NotFoundError):
                if may_merge and not seen and world.draw() < 0.7:
                    seen.append(await worker.call(self._snapshot))
                after = Cursor(run.gen, seen[-1].seq) if seen else None
                line = await worker.view(run.run_id, after, may_merge=may_merge)
                try:
                    await self._follow(line, seen)
                finally:
                    line.close()
            await self._wait()
        world.broken(f"{run.query}: a viewer never saw its end")

    async def _follow(self, line: Line, seen: list[LoggedEvent]) -> None:
        world, run = self._world, self._known()
        leaves = world.draw() < 0.3
        slow_s = 2 * world.draw() if world.draw() < 0.2 else 0.0
        while (batch := await line.receive()) is not None:
            kept = world.store.log_of(run.run_id)
            for logged in batch:
                if not rules.is_kept(logged, kept):
                    world.broken(f"{run.query}: event {logged.seq} was shown, and is not kept")
                seen.append(logged)
                if logged.type == EventType.INPUT_REQUIRED and world.draw() < 0.9:
                    await self._answer(str(logged.event.metadata["request_id"]))
            if leaves and world.draw() < 0.1:
                return
            if slow_s:
                await asyncio.sleep(slow_s)

    async def _snapshot(self, agent: ContextAgent) -> LoggedEvent:
        row = await agent.parts.store.get_run(self._known().run_id, "")
        return await agent.snapshot(row)

    async def _answer(self, request_id: str) -> None:
        run, text = self._known(), f"this one: {int(10 * self._world.draw())}"
        try:
            row = await self._try(
                lambda agent: agent.resume(run.run_id, text, request_id=request_id)
            )
        except (ConflictError, InputExpiredError, NotFoundError):
            return  # somebody else was faster, or the run has ended
        if row is not None:
            self.taken.append((request_id, text))

    async def _stop(self) -> None:
        world, run = self._world, self._known()
        await asyncio.sleep(4 * world.draw() ** 2)
        row = await self._try(lambda agent: agent.cancel(run.run_id))
        if row is None:
            world.broken(f"{run.query}: nobody could stop it")
            return
        kept = world.store.kept[run.run_id].row
        if kept.state in LIVE_STATES or row.state in LIVE_STATES:
            world.broken(f"{run.query}: it was said to be stopped, and is {kept.state}")
        if self.closed_at not in {None, kept.last_seq}:
            world.broken(f"{run.query}: its log went on after it was stopped")
        self.closed_at = kept.last_seq

    async def _try(
        self, work: Callable[[ContextAgent], Coroutine[Any, Any, RunRow]]
    ) -> RunRow | None:
        for _ in range(_PATIENCE):
            try:
                return await self._world.some_worker().call(work)
            except (LineDeadError, StoreError):
                await self._wait()
        return None

    async def _wait(self) -> None:
        await asyncio.sleep(_AGAIN_S * (0.5 + self._world.draw()))

    def _known(self) -> RunRow:
        assert self.run is not None
        return self.run
