"""What the simulation has found, as stories of their own."""

import asyncio
import random

import pytest

from tailrace.agent.request import ChatRequest
from tailrace.errors import StoreError
from tailrace.events.types import WorkflowStage
from tailrace.stores.base import LIVE_STATES, RunState
from tailrace.testing.memory_store import MemoryStore
from tailrace.testing.simulation.link import Weather
from tailrace.testing.simulation.loop import VirtualClock, VirtualLoop
from tailrace.testing.simulation.nodes import scripted_engine
from tailrace.testing.simulation.worker import Worker
from tailrace.testing.simulation.world import SETTINGS


class Scene:
    """One worker over one store, and the weather between them."""

    def __init__(self, seed: int) -> None:
        loop = asyncio.get_running_loop()
        chance = random.Random(seed)
        self.weather = Weather()
        self.store = MemoryStore(VirtualClock(loop))
        engine = scripted_engine(chance, self)
        self.worker = Worker("one", self.store, self.weather, chance, engine, SETTINGS)

    def stage_begins(self, run_id: str, stage: WorkflowStage, epoch: int) -> None:
        """Nothing."""

    def answer_is(self, run_id: str, text: str) -> None:
        """Nothing."""

    async def start(self, query: str) -> None:
        request = ChatRequest(query=query, session_id="session", conversation_id=1)
        await self.worker.call(lambda agent: agent.start(request, idempotency_key=query))

    async def ended(self) -> list[RunState]:
        """How all its runs stand after a minute."""
        await asyncio.sleep(60.0)
        agent = self.worker.agent
        assert agent is not None
        assert not len(agent.states), "a run that has ended is still held"
        await self.worker.bury()
        return [kept.row.state for kept in self.store.kept.values()]


async def _a_disk_is_full_for_a_while(seed: int) -> list[RunState]:
    scene = Scene(seed)
    await scene.store.create_conversation("", "home", {}, scene.worker.clock.now())
    await asyncio.sleep(0.1)
    for query in ("first", "second"):
        await scene.start(query)
    scene.weather.disk_is_full, scene.weather.slow, scene.weather.slow_s = True, 1.0, 0.9
    await asyncio.sleep(4.0)
    scene.weather.disk_is_full = False
    return await scene.ended()


@pytest.mark.parametrize("seed", range(10))
def test_a_run_that_is_closed_late_is_let_go_of_and_the_next_one_goes_on(seed: int) -> None:
    loop = VirtualLoop()
    states = loop.run_until_complete(_a_disk_is_full_for_a_while(seed))
    loop.close()
    assert len(states) == 2
    assert not LIVE_STATES & set(states)


async def _an_accepted_run_is_not_heard_of(seed: int) -> list[RunState]:
    scene = Scene(seed)
    await scene.store.create_conversation("", "home", {}, scene.worker.clock.now())
    await asyncio.sleep(0.1)
    scene.weather.lost_reply = 1.0
    with pytest.raises(StoreError, match="did not answer"):
        await scene.start("first")
    scene.weather.lost_reply = 0.0
    return await scene.ended()


def test_a_run_whose_worker_never_learned_of_it_is_found_by_that_worker() -> None:
    loop = VirtualLoop()
    states = loop.run_until_complete(_an_accepted_run_is_not_heard_of(1))
    loop.close()
    assert len(states) == 1
    assert not LIVE_STATES & set(states)
