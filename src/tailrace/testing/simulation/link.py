"""Testing floor: Link, one worker's way to the store, on which everything can go wrong.

Rule 1: a request that is under way arrives, whatever has become of its sender meanwhile.
Rule 2: who gets no answer learns that after a while, and cannot tell whether anything was kept.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec

from tailrace.errors import StorageFullError, StoreError
from tailrace.testing.memory_store import MemoryStore
from tailrace.testing.simulation.loop import outside

ANSWER_TIMEOUT_S: Final = 0.5
"""After which an answer that has not come is given up."""

_WRITES: Final = frozenset({"create", "claim", "append", "resume", "cancel", "fail", "heartbeat"})


class Weather(msgspec.Struct):
    """How things stand between the workers and the store; probabilities of one request.

    Attributes:
        lost_request: It never arrives.
        lost_reply: It is done, and nobody learns of it.
        twice: It arrives again a little later.
        slow: It is under way for up to `slow_s`.
        disk_is_full: Whether the store keeps nothing more.
    """

    lost_request: float = 0.0
    lost_reply: float = 0.0
    twice: float = 0.0
    slow: float = 0.0
    slow_s: float = 0.3
    disk_is_full: bool = False


class Link:
    """The store, as one worker reaches it; every method of a store's is one of its own."""

    def __init__(self, store: MemoryStore, weather: Weather, chance: random.Random) -> None:
        self._store = store
        self._weather = weather
        self._chance = chance
        self._cut = False

    def cut(self) -> None:
        """Let nothing through any more, either way."""
        self._cut = True

    def __getattr__(self, name: str) -> Callable[..., "asyncio.Future[Any]"]:
        method = getattr(self._store, name)

        def ask(*args: object, **options: object) -> "asyncio.Future[Any]":
            return self._send(name, lambda: method(*args, **options))

        return ask

    def _send(self, name: str, call: Callable[[], Awaitable[Any]]) -> "asyncio.Future[Any]":
        loop, chance, weather = asyncio.get_running_loop(), self._chance, self._weather
        answer: asyncio.Future[Any] = loop.create_future()
        if self._cut:
            answer.set_exception(StoreError("the store cannot be reached"))
            return answer

        def arrive() -> None:
            if self._cut:
                return
            result, error = self._do(name, call)
            if not is_lost:
                loop.call_later(self._delay_s(), _settle, answer, result, error)

        def depart() -> None:
            is_sent = chance.random() >= weather.lost_request
            if is_sent:
                loop.call_later(self._delay_s(), arrive)
                if name in {"append", "resume"} and chance.random() < weather.twice:
                    loop.call_later(self._delay_s(), self._do, name, call)
            if is_lost or not is_sent:
                loop.call_later(ANSWER_TIMEOUT_S, _settle, answer, None, _unanswered(name))

        is_lost = chance.random() < weather.lost_reply
        outside(depart)
        return answer

    def _delay_s(self) -> float:
        if self._chance.random() < self._weather.slow:
            return self._chance.random() * self._weather.slow_s
        return 0.001 * self._chance.random()

    def _do(
        self, name: str, call: Callable[[], Awaitable[Any]]
    ) -> tuple[object, BaseException | None]:
        """What the store makes of the request: it is atomic, so it never waits."""
        if self._weather.disk_is_full and name in _WRITES:
            return None, StorageFullError("the disk is full")
        try:
            return _at_once(call()), None
        except Exception as error:  # noqa: BLE001 - whatever it was, it goes to whoever asked
            return None, error


def _at_once(work: Awaitable[Any]) -> object:
    if isinstance(work, asyncio.Future):
        return work.result()
    try:
        next(work.__await__())
    except StopIteration as done:
        return done.value
    msg = "a store in memory waits for nothing"
    raise AssertionError(msg)


def _settle(answer: "asyncio.Future[Any]", result: object, error: BaseException | None) -> None:
    if answer.done():
        return
    if error is None:
        answer.set_result(result)
    else:
        answer.set_exception(error)


def _unanswered(name: str) -> StoreError:
    return StoreError(f"the store did not answer: {name}", retryable=True)
