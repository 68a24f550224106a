"""Testing floor: World, everything at once: workers, faults, people, and the rules.

    report = simulate(seed=7)
    assert not report.broken, report

Rule 1: a seed is a world: every choice comes from one `random.Random`, in virtual time.
Rule 2: faults stop after a while; then everything has to come to its end by itself.
"""

import asyncio
import hashlib
import random
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from tailrace.agent.request import ChatRequest, OnConflict
from tailrace.errors import ErrorCode
from tailrace.events.types import WorkflowStage
from tailrace.settings import Settings
from tailrace.testing.memory_store import MemoryStore
from tailrace.testing.simulation import rules
from tailrace.testing.simulation.clients import Asker
from tailrace.testing.simulation.link import Weather
from tailrace.testing.simulation.loop import StandstillError, VirtualClock, VirtualLoop
from tailrace.testing.simulation.nodes import scripted_engine
from tailrace.testing.simulation.worker import Worker

SETTINGS: Final = Settings(
    lease_s=2.0,
    input_timeout_s=15.0,
    run_timeout_s=60.0,
    log_memory_bytes=4_000,
    max_live_runs=2,
    max_attempts=2,
)
"""Of every worker: short leases, little memory, few places."""

_MOST_WORKERS: Final = 2
_WORLD_ENDS_S: Final = 300.0
_RESTS_S: Final = 5.0

MakeStore = Callable[[VirtualClock], MemoryStore]
"""Makes the store of a world."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a world.

    Attributes:
        seed: Which one it was.
        broken: The rules that did not hold, in words.
        runs: How many there were.
        events: In all their logs.
        attempts: Of all runs; more than there are runs, where workers died.
        faults: How many there were of each kind.
        virtual_s: How long it lasted, for those who lived in it.
        digest: Of all logs and of what every viewer saw; the same each time.
    """

    seed: int
    broken: tuple[str, ...]
    runs: int
    events: int
    attempts: int
    faults: dict[str, int]
    virtual_s: float
    digest: str

    def __str__(self) -> str:
        told = "\n  ".join(self.broken) or "nothing is broken"
        return (
            f"world {self.seed}, faults {self.faults}:\n  {told}\n"
            f"again: python -m tailrace.testing.simulation {self.seed}"
        )


class World:
    """One world, in the loop that is its time."""

    def __init__(self, seed: int, store: MemoryStore, loop: VirtualLoop) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - it guards no secret
        self.store = store
        self._clock = VirtualClock(loop)
        self.weather = Weather()
        self.violations: list[str] = []
        self.faults: dict[str, int] = {}
        self._engine = scripted_engine(self.chance, self)
        self._workers: list[Worker] = []
        self._dead: list[Worker] = []
        self._askers: list[Asker] = []
        self._told: dict[str, list[str]] = {}

    def draw(self) -> float:
        """A number between 0 and 1, left to chance."""
        return self.chance.random()

    def some_worker(self) -> Worker:
        """One of the workers, dead or alive."""
        return self.chance.choice(self._workers)

    def broken(self, what: str) -> None:
        """Note that a rule does not hold."""
        self.violations.append(what)

    async def live(self) -> None:
        """Run it to its end, and hold its rules against what is left."""
        self._workers = [self._new_worker(number) for number in range(self._worker_count())]
        try:
            async with asyncio.timeout(_WORLD_ENDS_S):
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._fail_for_a_while())
                    await self._people(tasks)
                await self._come_to_rest()
        except TimeoutError:
            self.broken(f"it has not come to rest after {_WORLD_ENDS_S:.0f} s")
        self._check()

    async def bury(self) -> None:
        """Free what is left of it."""
        for worker in (*self._workers, *self._dead):
            await worker.bury()

    def report(self, seed: int, virtual_s: float, unseen: Sequence[str]) -> Report:
        """What became of it."""
        kept = self.store.kept.values()
        return Report(
            seed=seed,
            broken=(*self.violations, *unseen),
            runs=len(self.store.kept),
            events=sum(len(each.events) for each in kept),
            attempts=sum(each.row.attempts for each in kept),
            faults=self.faults,
            virtual_s=virtual_s,
            digest=self._digest(),
        )

    def _worker_count(self) -> int:
        """Two most often; one that is alone gets no help from another."""
        return 1 if self.draw() < 0.25 else _MOST_WORKERS

    def _new_worker(self, number: int) -> Worker:
        name = f"worker {number}, {len(self._dead)}"
        return Worker(name, self.store, self.weather, self.chance, self._engine, SETTINGS)

    async def _people(self, tasks: asyncio.TaskGroup) -> None:
        conversation = await self.store.create_conversation("", "home", {}, self._clock.now())
        for number in range(1 + self.chance.randrange(3)):
            request = ChatRequest(
                query=f"question {number}",
                session_id="session",
                conversation_id=conversation.id if self.draw() < 0.7 else None,
                interactive=self.draw() < 0.5,
                on_conflict=self.chance.choice(list(OnConflict)),
            )
            asker = Asker(self, request, f"key {number}")
            self._askers.append(asker)
            tasks.create_task(asker.live())
            await asyncio.sleep(self.draw())

    async def _fail_for_a_while(self) -> None:
        kinds = (
            self._storm,
            self._pause,
            self._kill,
            self._restart,
            self._fill_the_disk,
            self._jump,
        )
        async with asyncio.TaskGroup() as tasks:
            for _ in range(1 + self.chance.randrange(7)):
                await asyncio.sleep(self.draw())
                kind = self.chance.choice(kinds)
                name = kind.__name__.strip("_")
                self.faults[name] = self.faults.get(name, 0) + 1
                tasks.create_task(kind())

    async def _storm(self) -> None:
        weather, draw = self.weather, self.draw
        weather.lost_request, weather.lost_reply = 0.2 * draw(), 0.2 * draw()
        weather.twice, weather.slow = 0.5 * draw(), draw()
        weather.slow_s = 3 * SETTINGS.lease_s * draw() ** 3
        await asyncio.sleep(4 * draw())
        weather.lost_request = weather.lost_reply = weather.twice = weather.slow = 0.0

    async def _fill_the_disk(self) -> None:
        self.weather.disk_is_full = True
        await asyncio.sleep(3 * self.draw())
        self.weather.disk_is_full = False

    async def _pause(self) -> None:
        worker = self._worker_at_work()
        worker.process.pause()
        await asyncio.sleep(3 * SETTINGS.lease_s * self.draw())
        if worker.process.alive:
            worker.process.go_on()

    async def _kill(self) -> None:
        await self._replace(self._workers.index(self._worker_at_work()), graceful=False)

    async def _restart(self) -> None:
        await self._replace(self.chance.randrange(len(self._workers)), graceful=True)

    async def _replace(self, number: int, *, graceful: bool) -> None:
        worker = self._workers[number]
        if not worker.process.alive or worker in self._dead:
            return
        self._dead.append(worker)
        if graceful:
            worker.stop()
            await asyncio.sleep(1.0)
        worker.kill()
        await asyncio.sleep(4 * self.draw())
        self._workers[number] = self._new_worker(number)

    def _worker_at_work(self) -> Worker:
        """Most often the worker of a run that goes on, where a fault does most harm."""
        held = [kept.worker for kept in self.store.kept.values() if kept.worker is not None]
        if held and self.draw() < 0.8:
            name = self.chance.choice(held)
            for worker in self._workers:
                if worker.process.name == name:
                    return worker
        return self.some_worker()

    async def _jump(self) -> None:
        self.some_worker().clock.ahead_s += 7_200 * (self.draw() - 0.5)

    async def _come_to_rest(self) -> None:
        """Return once no run is open, and some time has passed in which nothing should happen."""
        is_open = True
        for _ in range(int(_WORLD_ENDS_S / _RESTS_S)):
            await asyncio.sleep(_RESTS_S)
            was_open, is_open = is_open, any(kept.is_open for kept in self.store.kept.values())
            if not was_open:
                return

    def stage_begins(self, run_id: str, stage: WorkflowStage, epoch: int) -> None:
        """Note that a stage is run which was finished before."""
        kept = self.store.kept[run_id]
        if kept.row.epoch == epoch and stage in kept.results:
            self.broken(f"{kept.row.query}: {stage} is run again, and was finished")

    def answer_is(self, run_id: str, text: str) -> None:
        """Note what one attempt has said."""
        self._told.setdefault(run_id, []).append(text)

    def _check(self) -> None:
        for kept in self.store.kept.values():
            self.violations += rules.broken_in_log(kept.row, kept.events)
            told = self._told.get(kept.row.run_id, [])
            self.violations += rules.broken_in_answer(kept.row, kept.events, told)
            message = self.store.message_of(kept.row)
            if message is not None:
                self.violations += rules.broken_in_message(kept.row, kept.events, message)
            given_up = kept.row.error_code == ErrorCode.WORKER_LOST  # whoever gives up claims too
            if kept.row.attempts > SETTINGS.max_attempts and not given_up:
                self.broken(f"{kept.row.query}: it had {kept.row.attempts} attempts")
        asked = [kept.row.query for kept in self.store.kept.values()]
        if len(set(asked)) < len(asked):
            self.broken(f"a question has more than one run: {asked}")
        for asker in self._askers:
            self._check_asker(asker)
        for worker in self._workers:
            if worker.agent is None or len(worker.agent.states):
                self.broken(f"{worker.process.name} still holds runs that have ended")

    def _check_asker(self, asker: Asker) -> None:
        if asker.run is None:
            return
        log, name = self.store.log_of(asker.run.run_id), asker.run.query
        for seen in asker.transcripts:
            self.violations += rules.broken_in_transcript(name, seen, log)
        for seen in asker.digests:
            self.violations += rules.broken_in_digest(name, seen, log)
        self.violations += rules.broken_in_answers(name, log, asker.taken)
        if asker.closed_at not in {None, len(log)}:
            self.broken(f"{name}: it was stopped at {asker.closed_at}, and has {len(log)} events")

    def _digest(self) -> str:
        """Of everything that was kept and seen; ids that are random by design are left out."""
        digest = hashlib.sha256()
        for kept in self.store.kept.values():
            own = kept.row.run_id.encode()
            for logged in kept.events:
                digest.update(logged.data.replace(own, b"run"))
        for asker in self._askers:
            for seen in (*asker.transcripts, *asker.digests):
                digest.update(repr([logged.seq for logged in seen]).encode())
        return digest.hexdigest()


def simulate(seed: int, make_store: MakeStore = MemoryStore) -> Report:
    """Let the world `seed` be, from its beginning to its end."""
    loop = VirtualLoop()
    try:
        world = World(seed, make_store(VirtualClock(loop)), loop)
        try:
            loop.run_until_complete(world.live())
        except StandstillError as error:
            world.broken(str(error))
        virtual_s = loop.time()
        loop.run_until_complete(world.bury())
        return world.report(seed, virtual_s, loop.unseen)
    finally:
        loop.close()
