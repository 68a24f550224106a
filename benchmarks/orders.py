"""What a run of a benchmark is to say, told to it as its question; the same for every side.

Rule 1: each token holds the moment it was said, on the clock that all processes share, so that a
    viewer in another process knows how old it is.
Rule 2: a saturated source yields to the event loop after each token, as one that reads a model
    does; what slows it is the side's own back-pressure.
"""

import asyncio
import random
import time
from collections.abc import AsyncGenerator

import msgspec


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What a run says.

    Attributes:
        number: Makes orders differ.
        seconds: For how long it speaks.
        rate: Tokens a second, kept to absolute times; 0 for as many as it can.
        start_ns: When it begins, on the monotonic clock; 0 for at once.
        in_step: Whether paced tokens keep step with those of other runs, as those of one model
            server that batches do; otherwise each comes at a random moment of its own share of
            the time, always the same one for a number.
        backlog_bytes: Text without stamps that it says at once, before it waits for its start.
    """

    number: int = 0
    seconds: float
    rate: float = 0.0
    start_ns: int = 0
    in_step: bool = False
    backlog_bytes: int = 0

    def text(self) -> str:
        """The order as a question."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def parse(cls, text: str) -> "Order":
        """The order that `text` wrote."""
        return msgspec.json.decode(text, type=Order)

    @property
    def tokens(self) -> int:
        """How many tokens it says; 0 where that depends."""
        return round(self.seconds * self.rate)


async def tokens(order: Order) -> AsyncGenerator[str, None]:
    """The stamped tokens of `order`, when they are due."""
    start_ns = order.start_ns or time.monotonic_ns()
    await _until(start_ns)
    if not order.rate:
        end_ns = start_ns + round(order.seconds * 1e9)
        while (now_ns := time.monotonic_ns()) < end_ns:
            yield f"@{now_ns} "
            await asyncio.sleep(0)
        return
    step_ns = 1e9 / order.rate
    chance = random.Random(order.number)  # noqa: S311 - guards no secret
    for number in range(order.tokens):
        share = 0.0 if order.in_step else chance.random()
        await _until(start_ns + round((number + share) * step_ns))
        yield f"@{time.monotonic_ns()} "


async def _until(moment_ns: int) -> None:
    await asyncio.sleep(max(0.0, (moment_ns - time.monotonic_ns()) / 1e9))
