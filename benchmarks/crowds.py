"""One run with a crowd of viewers, on either side."""

import asyncio
import time

import httpx2
import msgspec

from measuring import percentile
from orders import Order
from processes import Side
from viewing import Viewer, close_all, stalled, watch

IN_TIME_MS = 100.0
_LEAD_S = 1.5
_BACKLOG_S = 1.5
_CONNECTS = 100
_CONNECT_S = 0.004  # each, with time to spare


class Crowd(msgspec.Struct, kw_only=True):
    """What a crowd saw.

    Attributes:
        in_time: Share of all deliveries that came within `IN_TIME_MS` of their token's stamp.
        run_ms: From the first token that was due to the last one that reached anybody.
        cpu_us: CPU of the server's process a delivery.
        memory_bytes: What the server's process grew by, from before the viewers came.
    """

    in_time: float
    p50_ms: float
    p99_ms: float
    run_ms: float
    cpu_us: float
    memory_bytes: int


async def start(server: Side, order: Order) -> str:
    """Start a run; the address of its events."""
    async with httpx2.AsyncClient(base_url=server.url, trust_env=False, timeout=30) as client:
        response = await client.post("/api/agent/runs", json={"query": order.text()})
        response.raise_for_status()
        return f"/api/agent/runs/{response.json()['run_id']}/events"


async def open_all(server: Side, path: str, count: int) -> list[Viewer]:
    """`count` viewers, connected some at a time; all have got their first bytes."""
    viewers: list[Viewer] = []
    while len(viewers) < count:
        some = min(_CONNECTS, count - len(viewers))
        new = await asyncio.gather(*(watch(server, path) for _ in range(some)))
        await asyncio.gather(*(viewer.begun for viewer in new))
        viewers += new
    return viewers


async def fan_out(server: Side, viewers: int, seconds: float, rate: float) -> Crowd:
    """One of our runs with `viewers` viewers."""
    order = _order(viewers, seconds, rate, 0)
    memory_bytes = server.memory_bytes()
    path = await start(server, order)
    crowd = await open_all(server, path, viewers)
    return await _look(server, order, crowd, memory_bytes)


async def broadcast(server: Side, viewers: int, seconds: float, rate: float) -> Crowd:
    """The same from the ceiling, whose viewers come first."""
    memory_bytes = server.memory_bytes()
    crowd = await open_all(server, "/", viewers)
    order = _order(0, seconds, rate, 0)
    body = order.text().encode()
    reader, writer = await asyncio.open_connection(server.host, server.port)
    writer.write(b"POST / HTTP/1.1\r\n\r\n" + body)
    await reader.readuntil(b"\r\n0\r\n")
    writer.close()
    return await _look(server, order, crowd, memory_bytes)


async def beside_stalled(
    server: Side, viewers: int, stalls: int, seconds: float, rate: float, backlog_bytes: int
) -> Crowd:
    """One of our runs that has said much, with `viewers` at its newest event.

    `stalls` more ask for it from the start and take nothing.
    """
    order = _order(viewers + stalls, seconds, rate, backlog_bytes)
    path = await start(server, order)
    after = await _backlog(server, path)
    memory_bytes = server.memory_bytes()
    idle = await asyncio.gather(*(stalled(server, path) for _ in range(stalls)))
    crowd = await open_all(server, f"{path}?after={after}", viewers)
    found = await _look(server, order, crowd, memory_bytes)
    await close_all(idle)
    return found


def _order(viewers: int, seconds: float, rate: float, backlog_bytes: int) -> Order:
    lead_s = _LEAD_S + viewers * _CONNECT_S + (_BACKLOG_S if backlog_bytes else 0.0)
    start_ns = time.monotonic_ns() + round(lead_s * 1e9)
    return Order(seconds=seconds, rate=rate, start_ns=start_ns, backlog_bytes=backlog_bytes)


async def _backlog(server: Side, path: str) -> str:
    """The cursor of the run's newest event, once it has said what it says at once."""
    run = path.removesuffix("/events")
    async with httpx2.AsyncClient(base_url=server.url, trust_env=False, timeout=30) as client:
        seen, now = -1, 0
        while seen != now:
            await asyncio.sleep(0.1)
            seen, now = now, (await client.get(run)).json()["last_seq"]
    return f"1-{now}"


async def _look(server: Side, order: Order, crowd: list[Viewer], memory_bytes: int) -> Crowd:
    assert time.monotonic_ns() < order.start_ns, "the viewers came too late"
    await asyncio.sleep((order.start_ns - time.monotonic_ns()) / 1e9)
    cpu_s = server.cpu_s()
    await asyncio.sleep(order.seconds)
    memory_bytes = server.memory_bytes() - memory_bytes
    await asyncio.gather(*(viewer.ended for viewer in crowd))
    cpu_s = server.cpu_s() - cpu_s
    ages = sorted(age / 1e6 for viewer in crowd for age in viewer.ages_ns)
    assert len(ages) == len(crowd) * order.tokens, f"{len(ages)} deliveries"
    await close_all(crowd)
    return Crowd(
        in_time=sum(age <= IN_TIME_MS for age in ages) / len(ages),
        p50_ms=percentile(ages, 0.5),
        p99_ms=percentile(ages, 0.99),
        run_ms=(max(viewer.last_ns for viewer in crowd) - order.start_ns) / 1e6,
        cpu_us=cpu_s / len(ages) * 1e6,
        memory_bytes=memory_bytes,
    )
