"""Viewers of a run that says nothing: what each holds in the server, and what all cost together.

5,000 connections, then 10,000 where the machine lets two processes open as many; their heartbeats
are those of a server as it is set up by default.

Run: make bench, or python benchmarks/bench_idle.py [--quick]
"""

import asyncio
import resource
import time

import uvloop

from crowds import open_all, start
from measuring import Bench
from orders import Order
from processes import Side, side
from viewing import VIEWERS_ALLOWED, Viewer, close_all

_VIEWERS, _MORE = 5_000, 10_000
_SPARE_FILES = 500
_FAR_S = 3_600


async def main() -> None:
    """Measure and print."""
    bench = Bench("idle", __doc__, rounds=5, seconds=4.0)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with side("ours", environment=VIEWERS_ALLOWED) as server:
        far_ns = time.monotonic_ns() + _FAR_S * 10**9
        path = await start(server, Order(seconds=1, rate=1, start_ns=far_ns))
        await close_all(await open_all(server, path, 10))
        before_bytes = server.memory_bytes()
        viewers = await _hold(bench, server, path, [], _VIEWERS, before_bytes)
        for _ in range(bench.options.rounds):
            share = await _idle_share(server, bench.options.seconds)
            bench.add("5,000 idle viewers: CPU", "% of a core", share, at_most=1)
        if hard >= _MORE + _SPARE_FILES or hard == resource.RLIM_INFINITY:
            viewers = await _hold(bench, server, path, viewers, _MORE, before_bytes)
            share = await _idle_share(server, bench.options.seconds)
            bench.add("10,000 idle viewers: CPU", "% of a core", share)
        await close_all(viewers)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    bench.finish()


async def _hold(
    bench: Bench, server: Side, path: str, viewers: list[Viewer], count: int, before_bytes: int
) -> list[Viewer]:
    cpu_s = server.cpu_s()
    new = await open_all(server, path, count - len(viewers))
    cpu_s = server.cpu_s() - cpu_s
    await asyncio.sleep(1)
    viewers = viewers + new
    assert not any(viewer.ended.done() for viewer in viewers), "a viewer was dropped"
    each_kib = (server.memory_bytes() - before_bytes) / count / 1024
    at_most = 15 if count == _VIEWERS else None
    bench.add(f"{count:,} idle viewers: memory each", "KiB", each_kib, at_most=at_most)
    bench.add(f"{count:,} viewers: CPU to connect one", "us", cpu_s / len(new) * 1e6)
    return viewers


async def _idle_share(server: Side, seconds: float) -> float:
    """Percent of a core that the server uses while nothing happens."""
    cpu_s, start_s = server.cpu_s(), time.monotonic()
    await asyncio.sleep(seconds)
    return 100 * (server.cpu_s() - cpu_s) / (time.monotonic() - start_s)


if __name__ == "__main__":
    uvloop.run(main())
