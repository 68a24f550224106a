"""One turn of one side: runs with a viewer each, and what they cost and how late they were."""

import asyncio
import time

import msgspec

from measuring import percentile
from orders import Order
from processes import Side
from viewing import ages_ms, ask

_LEAD_S = 1.0
_CONNECT_S = 0.015  # each, with time to spare


class Turn(msgspec.Struct, kw_only=True):
    """What one side did in one turn; a token counts once its text reached the viewer.

    Attributes:
        p50_ms: From the token's own stamp to the viewer's socket.
        cpu_us: CPU of the server's process a token.
    """

    tokens_per_s: float
    p50_ms: float
    p99_ms: float
    cpu_us: float


async def turn(
    server: Side, runs: int, seconds: float, rate: float, *, in_step: bool = False
) -> Turn:
    """Let `server` serve `runs` runs at once, each with its viewer; a `rate` of 0 is saturated."""
    start_ns = time.monotonic_ns() + round((_LEAD_S + runs * _CONNECT_S) * 1e9)
    order = Order(seconds=seconds, rate=rate, start_ns=start_ns, in_step=in_step)
    orders = [msgspec.structs.replace(order, number=number) for number in range(runs)]
    viewers = await asyncio.gather(*(ask(server, order.text()) for order in orders))
    await asyncio.gather(*(viewer.begun for viewer in viewers))
    assert time.monotonic_ns() < start_ns, "the viewers came too late"
    await asyncio.sleep((start_ns - time.monotonic_ns()) / 1e9)
    cpu_s = server.cpu_s()
    await asyncio.gather(*(viewer.ended for viewer in viewers))
    cpu_s = server.cpu_s() - cpu_s
    wall_s = (max(viewer.last_ns for viewer in viewers) - start_ns) / 1e9
    ages = ages_ms(viewers)
    expected = sum(order.tokens for order in orders)
    assert ages, "no token came"
    assert not expected or len(ages) == expected, f"{len(ages)} of {expected} tokens came"
    return Turn(
        tokens_per_s=len(ages) / wall_s,
        p50_ms=percentile(ages, 0.5),
        p99_ms=percentile(ages, 0.99),
        cpu_us=cpu_s / len(ages) * 1e6,
    )


async def warm_up(*servers: Side) -> None:
    """What is made at first use is not what a token costs."""
    for server in servers:
        await turn(server, 1, 0.2, 50)
