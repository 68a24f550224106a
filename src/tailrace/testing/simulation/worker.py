"""Testing floor: Worker, one process with a real agent in it, and the lines that lead to it.

Rule 1: whoever calls a worker shares nothing with it but a line, which dies with the worker.
Rule 2: a line holds a few batches; a worker whose viewer is slow waits there, and nowhere else.
"""

import asyncio
import random
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import aclosing
from typing import Any, Final, TypeVar, cast

from tailrace.agent.context_agent import ContextAgent
from tailrace.agent.home import Home
from tailrace.agent.parts import Parts
from tailrace.context.indexer import VectorIndexer
from tailrace.context.ingest import Ingest
from tailrace.context.search import ContextIndex
from tailrace.context.vaults import Vaults
from tailrace.context.web_pages import WebPages
from tailrace.errors import StoreError, TailraceError
from tailrace.events.event import Cursor
from tailrace.events.logged import LoggedEvent
from tailrace.llm.base import LLMClient
from tailrace.llm.registry import open_library
from tailrace.settings import Settings
from tailrace.stores.base import Store
from tailrace.stores.documents import DocumentStore
from tailrace.testing.memory_store import MemoryStore
from tailrace.testing.simulation.link import Link, Weather
from tailrace.testing.simulation.loop import Process, VirtualClock
from tailrace.workflow.engine import WorkflowEngine

_ROOM: Final = 2
_BATCH_BYTES: Final = 2_000
_SMALL_BATCH_BYTES: Final = 300  # so that who is slow falls behind soon
_SILENCE_S: Final = 8.0  # after which a viewer comes back, as after a response's longest time
_RESTART_S: Final = 0.3

T = TypeVar("T")


class LineDeadError(Exception):
    """The worker at the other end has died, or says nothing."""


class Line:
    """A viewer's connection to a worker: batches go one way, closing it the other."""

    def __init__(self) -> None:
        self._batches: deque[list[LoggedEvent]] = deque()
        self._ended = False
        self._closed = False
        self._dead = False
        self._waiting: asyncio.Future[None] | None = None

    async def send(self, batch: list[LoggedEvent]) -> bool:
        """Hand over `batch` once there is room; whether the viewer is still there."""
        while len(self._batches) >= _ROOM and not self._closed:
            await self._change()
        self._batches.append(batch)
        self._wake()
        return not self._closed

    async def receive(self) -> list[LoggedEvent] | None:
        """The next batch; None where the stream has ended.

        Raises:
            LineDeadError: the worker died, or was silent for too long.
        """
        try:
            async with asyncio.timeout(_SILENCE_S):
                while not self._batches and not self._ended and not self._dead:
                    await self._change()
        except TimeoutError as exc:
            raise LineDeadError from exc
        if self._dead:
            raise LineDeadError
        if not self._batches:
            return None
        batch = self._batches.popleft()
        self._wake()
        return batch

    def end(self) -> None:
        """Say that nothing more will come."""
        self._ended = True
        self._wake()

    def close(self) -> None:
        """Leave, as a viewer."""
        self._closed = True
        self._wake()

    def die(self) -> None:
        """Take away what is under way, with the worker."""
        self._dead = True
        self._wake()

    async def _change(self) -> None:
        if self._waiting is None:
            self._waiting = asyncio.get_running_loop().create_future()
        await asyncio.shield(self._waiting)

    def _wake(self) -> None:
        if self._waiting is not None:
            self._waiting.set_result(None)
            self._waiting = None


class Worker:
    """A process that serves one agent over the store that all share.

    Attributes:
        agent: What it serves; None while it starts.
        clock: Its machine's clock.
    """

    def __init__(
        self,
        name: str,
        store: MemoryStore,
        weather: Weather,
        chance: random.Random,
        engine: WorkflowEngine,
        settings: Settings,
    ) -> None:
        self.process = Process(name)
        self.clock = VirtualClock(asyncio.get_running_loop())
        self.agent: ContextAgent | None = None
        self._link = Link(store, weather, chance)
        self._parts = _parts(name, cast("Store", self._link), engine, settings)
        self._lines: list[Line] = []
        self._replies: list[asyncio.Future[Any]] = []
        self._stopping = asyncio.Event()
        self._serving = self.process.spawn(self._serve())

    async def call(self, work: Callable[[ContextAgent], Coroutine[Any, Any, T]]) -> T:
        """What its agent answers.

        Raises:
            LineDeadError: the worker died, or says nothing.
            TailraceError: what the agent raises.
        """
        if self.agent is None or not self.process.alive:
            raise LineDeadError
        reply: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._replies.append(reply)
        self.process.spawn(_answer(work, self.agent, reply))
        try:
            async with asyncio.timeout(_SILENCE_S):
                return await reply
        except TimeoutError as exc:
            raise LineDeadError from exc
        finally:
            self._replies.remove(reply)

    async def view(self, run_id: str, after: Cursor | None, *, may_merge: bool) -> Line:
        """A line on which the run's events after `after` come, merged where that is allowed.

        Raises:
            LineDeadError: the worker died, or says nothing.
            TailraceError: what the agent raises.
        """
        line = Line()

        async def open_view(agent: ContextAgent) -> None:
            size = _SMALL_BATCH_BYTES if may_merge else _BATCH_BYTES
            view = await agent.view(run_id, after=after, max_bytes=size, may_merge=may_merge)
            self.process.spawn(_serve_view(view, line))

        await self.call(open_view)
        self._lines.append(line)
        return line

    def kill(self) -> None:
        """End the process, wherever it is."""
        self.process.kill()
        for reply in self._replies:
            if not reply.done():
                reply.set_exception(LineDeadError())
        for line in self._lines:
            line.die()

    async def bury(self) -> None:
        """Free what is left of it, when its world has ended."""
        self._link.cut()
        self.kill()
        if self._serving.done():
            self._serving.result()  # where the worker itself is broken, the world is
        await self.process.bury()

    def stop(self) -> None:
        """Ask the process to end in good order."""
        self._stopping.set()

    async def _serve(self) -> None:
        while not self._stopping.is_set():
            agent = ContextAgent(self._parts, cast("Home", None), self.clock)
            try:
                async with agent.at_work():
                    self.agent = agent
                    await self._stopping.wait()
                    self.agent = None
            except StoreError:  # whoever watches over processes starts it again
                self.agent = None
                await asyncio.sleep(_RESTART_S)


async def _answer(
    work: Callable[[ContextAgent], Coroutine[Any, Any, T]],
    agent: ContextAgent,
    reply: "asyncio.Future[T]",
) -> None:
    try:
        result = await work(agent)
    except TailraceError as error:
        if not reply.done():
            reply.set_exception(error)
    else:
        if not reply.done():
            reply.set_result(result)


async def _serve_view(view: AsyncGenerator[Sequence[LoggedEvent], None], line: Line) -> None:
    try:
        async with aclosing(view) as batches:
            async for batch in batches:
                if not await line.send(list(batch)):
                    return
    except TailraceError:
        pass  # a stream that breaks off: the viewer comes back
    finally:
        line.end()


def _parts(name: str, store: Store, engine: WorkflowEngine, settings: Settings) -> Parts:
    """Parts of which only those are there that a run without documents needs."""
    return Parts(
        settings=settings,
        store=store,
        documents=cast("DocumentStore", None),
        context=cast("ContextIndex", None),
        indexer=cast("VectorIndexer", None),
        ingest=cast("Ingest", None),
        pages=cast("WebPages", None),
        vaults=cast("Vaults", None),
        library=open_library(settings),
        llm=cast("LLMClient", None),
        engine=engine,
        ingest_engine=engine,
        worker=name,
    )
