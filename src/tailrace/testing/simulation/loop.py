"""Testing floor: VirtualLoop, an asyncio event loop whose time is a number.

Rule 1: when nothing is ready, time jumps to the next timer; when there is none either, the world
    has come to a standstill, which is an error.
Rule 2: the same program runs in the same order each time: no thread, no socket, no real clock, and
    sets of tasks and futures are ordered by when these were made, not by where they lie in memory.
Rule 3: what a `Process` does stops when it is paused or killed, wherever it is; no cleanup is run.
"""

import asyncio
import contextvars
import itertools
import traceback
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Generic, TypeVar

from tailrace.errors import TailraceError

T = TypeVar("T")

START: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""When every world begins."""


class StandstillError(RuntimeError):
    """Nothing is ready, nothing is scheduled, and the work is not finished."""


@dataclass(eq=False, slots=True)
class Process:
    """A process of the simulated machine: whatever runs in its context.

    Attributes:
        alive: Whether it was not killed.
        paused: Whether it stands still, as after SIGSTOP, or for good.
        tasks: All it has begun; they are kept, so that none is cleaned up behind its back.
    """

    name: str
    alive: bool = True
    paused: bool = False
    tasks: "list[asyncio.Task[Any]]" = field(default_factory=list["asyncio.Task[Any]"])
    held: "list[_Step]" = field(default_factory=list["_Step"])

    def pause(self) -> None:
        """Stop it where it is; time goes on without it."""
        self.paused = True

    def go_on(self) -> None:
        """Let it do what has become due meanwhile, in order."""
        self.paused = False
        held, self.held = self.held, []
        for step in held:
            step.go_on()

    def kill(self) -> None:
        """Let it do nothing more; what it was about to do is kept, for `bury`."""
        self.alive = False
        self.paused = True

    async def bury(self) -> None:
        """Cancel all it has begun, and return once nothing of it is left; for a world's end."""
        for task in self.tasks:
            task.cancel()
        self.go_on()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    def spawn(self, work: Coroutine[Any, Any, T], name: str = "") -> "asyncio.Task[T]":
        """Do `work` in it."""
        context = contextvars.copy_context()
        context.run(_current.set, self)
        loop = asyncio.get_running_loop()
        return loop.create_task(work, name=name or None, context=context)


_current: contextvars.ContextVar[Process | None] = contextvars.ContextVar("process", default=None)


def outside(call: Callable[[], T]) -> T:
    """What `call` gives, made outside of every process: the network, the disk."""
    context = contextvars.copy_context()
    context.run(_current.set, None)
    return context.run(call)


class VirtualClock:
    """The wall clock of one machine of the world; it can be wrong, and jump.

    Attributes:
        ahead_s: By how much it is wrong.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.ahead_s = 0.0
        self._loop = loop

    def now(self) -> datetime:
        """The wall clock: aware, UTC."""
        return START + timedelta(seconds=self._loop.time() + self.ahead_s)

    def monotonic_s(self) -> float:
        """Seconds since the world began."""
        return self._loop.time()


class VirtualLoop(asyncio.BaseEventLoop):
    """Runs one world; time is virtual.

    Attributes:
        unseen: What went wrong in callbacks, where nobody sees it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._now_s = 0.0
        self._selector = _Idle(self._sleep)  # what BaseEventLoop asks to wait
        self._numbers = itertools.count(1)
        self._clock_resolution = 1e-9
        self.set_task_factory(_make_task)  # pyright: ignore[reportArgumentType]  # for coroutines
        self.set_exception_handler(self._note)
        self.unseen: list[str] = []

    def time(self) -> float:
        """Virtual seconds since the world began."""
        return self._now_s

    def number(self) -> int:
        """1, 2, 3 …: what tells one thing from the next."""
        return next(self._numbers)

    def create_future(self) -> "asyncio.Future[Any]":
        """A future that lies in a set where it was made, not where its memory is."""
        return _Future(self)

    def call_soon(
        self,
        callback: Callable[..., object],
        *args: Any,  # noqa: ANN401 - as of any loop
        context: contextvars.Context | None = None,
    ) -> asyncio.Handle:
        """As of any loop; what belongs to a process stops with it."""
        process = _process_of(context)
        if process is None:
            return super().call_soon(callback, *args, context=context)
        context = context or contextvars.copy_context()
        step = _Step(process, callback, args, context)
        step.handle = super().call_soon(step.run, context=context)
        return step.handle

    def call_at(
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,  # noqa: ANN401 - as of any loop
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        """As of any loop; what belongs to a process stops with it."""
        process = _process_of(context)
        if process is None:
            return super().call_at(when, callback, *args, context=context)
        context = context or contextvars.copy_context()
        step = _Step(process, callback, args, context)
        timer = super().call_at(when, step.run, context=context)
        step.handle = timer
        return timer

    def _sleep(self, timeout_s: float | None) -> None:
        if timeout_s is None:
            msg = f"nothing is left to do after {self._now_s:.3f} s, and the work is not finished"
            raise StandstillError(msg)
        self._now_s += timeout_s

    def _note(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        del loop
        error = context.get("exception")
        if error is not None and not isinstance(error, TailraceError):
            self.unseen.append("".join(traceback.format_exception(error)))

    def _process_events(self, event_list: Sequence[object]) -> None:
        """Nothing: there is no file and no socket here."""

    def _write_to_self(self) -> None:
        """Nothing: there is no other thread that could have to wake this one."""

    def _asyncgen_finalizer_hook(self, agen: AsyncGenerator[Any, Any]) -> None:
        """Nothing: when memory is given back is no part of a world."""


class _Idle:
    def __init__(self, sleep: Callable[[float | None], None]) -> None:
        self._sleep = sleep

    def select(self, timeout_s: float | None) -> Sequence[object]:
        """Wait so long, in no time."""
        if timeout_s != 0:
            self._sleep(timeout_s)
        return ()


class _Step:
    """Something a process is about to do."""

    __slots__ = ("args", "callback", "context", "handle", "process")

    def __init__(
        self,
        process: Process,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        context: contextvars.Context,
    ) -> None:
        self.process = process
        self.callback = callback
        self.args = args
        self.context = context
        self.handle: asyncio.Handle | None = None

    def run(self) -> None:
        if self.process.paused:
            self.process.held.append(self)
        else:
            self.callback(*self.args)

    def go_on(self) -> None:
        asyncio.get_running_loop().call_soon(self._catch_up, context=self.context)

    def _catch_up(self) -> None:
        if self.handle is None or not self.handle.cancelled():  # by what was caught up on before it
            self.callback(*self.args)


class _Future(asyncio.Future[T], Generic[T]):
    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__(loop=loop)
        self._number = loop.number()

    def __hash__(self) -> int:
        return self._number

    def __eq__(self, other: object) -> bool:
        return self is other


class _Task(asyncio.Task[T], Generic[T]):
    def __init__(
        self,
        work: Coroutine[Any, Any, T],
        loop: VirtualLoop,
        name: str | None,
        context: contextvars.Context | None,
    ) -> None:
        self._number = loop.number()  # before a set of all tasks takes it in
        super().__init__(work, loop=loop, name=name, context=context)

    def __hash__(self) -> int:
        return self._number

    def __eq__(self, other: object) -> bool:
        return self is other


def _make_task(
    loop: asyncio.AbstractEventLoop,
    work: Coroutine[Any, Any, T],
    *,
    name: str | None = None,
    context: contextvars.Context | None = None,
) -> "asyncio.Future[T]":
    assert isinstance(loop, VirtualLoop)
    task = _Task(work, loop, name, context)
    process = _process_of(context)
    if process is not None:
        process.tasks.append(task)
    return task


def _process_of(context: contextvars.Context | None) -> Process | None:
    return _current.get() if context is None else context.get(_current)
