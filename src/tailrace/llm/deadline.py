"""Floor 1: how long a model call may take, and a timer that is cheap to push back.

Rule: a timer is armed once and moved by writing a number, because a deadline between tokens moves
    with every token; `asyncio.timeout` would make and cancel a timer each time, which costs 3 to
    12 microseconds.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from tailrace._clock import Clock

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelTimeouts:
    """The deadlines of one model call.

    Attributes:
        connect_s: To reach the endpoint.
        first_token_s: From request to first token; prefill progress starts it anew.
        between_tokens_s: Between one token and the next.
        total_s: All tries and the waits between them.
    """

    connect_s: float = 5.0
    first_token_s: float = 60.0
    between_tokens_s: float = 30.0
    total_s: float = 300.0


class Patience:
    """Waits for one thing after another, each until a moment of its own."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due_s = 0.0
        self._due_s = 0.0
        self._waiting: asyncio.Task[object] | None = None
        self._expired = False

    async def wait(self, start: Callable[[], Awaitable[T]], due_s: float) -> T:
        """What `start()` gives, if it comes before `due_s` on the monotonic clock.

        Raises:
            TimeoutError: it did not; what was started is cancelled.
            CancelledError: somebody else cancelled the task.
            RuntimeError: called outside a task, which could not be interrupted.
        """
        now_s = self._clock.monotonic_s()
        if now_s >= due_s:
            raise TimeoutError
        task = asyncio.current_task()
        if task is None:
            msg = "only a task can wait for a model"
            raise RuntimeError(msg)
        self._due_s = due_s
        if self._timer is None or self._timer_due_s > due_s:
            self._arm(due_s - now_s)
        self._waiting = task
        cancels_before = task.cancelling()
        try:
            return await start()
        except asyncio.CancelledError:
            # ours, unless somebody else asked for the end of the task too
            if self._expired and task.uncancel() <= cancels_before:
                raise TimeoutError from None
            raise
        finally:
            self._waiting = None
            self._expired = False

    def close(self) -> None:
        """Give the timer back."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, delay_s: float) -> None:
        self.close()
        self._timer_due_s = self._due_s
        self._timer = asyncio.get_running_loop().call_later(delay_s, self._ring)

    def _ring(self) -> None:
        self._timer = None
        if self._waiting is None:
            return  # the next wait arms it again
        left_s = self._due_s - self._clock.monotonic_s()
        if left_s > 0:
            self._arm(left_s)
        else:
            self._expired = True
            self._waiting.cancel()
