"""Viewers that take nothing: what they cost the others, the run, and memory.

900 viewers follow a run that has said half a megabyte already. In every other turn 100 more ask
for it from the start and take nothing, so that as much as may waits for each of them. What is
compared is the same 900, with and without.

Run: make bench, or python benchmarks/bench_stalled.py [--quick]
"""

import uvloop

from crowds import beside_stalled
from measuring import Bench
from processes import side
from tailrace.settings import Settings
from viewing import VIEWERS_ALLOWED

_VIEWERS, _STALLED, _RATE = 900, 100, 50.0
_BACKLOG_BYTES = 512 * 1024


async def main() -> None:
    """Measure and print."""
    bench = Bench("stalled", __doc__)
    seconds = bench.options.seconds
    bound_kib = Settings().viewer_buffer_bytes / 1024
    with side("ours", environment=VIEWERS_ALLOWED) as ours:
        await beside_stalled(ours, 10, 1, 0.2, _RATE, _BACKLOG_BYTES)
        for _ in range(bench.options.rounds):
            alone = await beside_stalled(ours, _VIEWERS, 0, seconds, _RATE, _BACKLOG_BYTES)
            beside = await beside_stalled(ours, _VIEWERS, _STALLED, seconds, _RATE, _BACKLOG_BYTES)
            name = "900 viewers beside 100 stalled, against without"
            bench.add(f"{name}: p50", "x", beside.p50_ms / alone.p50_ms, at_most=1.05)
            bench.add(f"{name}: the run", "x", beside.run_ms / alone.run_ms, at_most=1.05)
            bench.add(f"{name}: p99", "x", beside.p99_ms / alone.p99_ms)
            bench.add(f"{name}: CPU", "x", beside.cpu_us / alone.cpu_us)
            each_kib = (beside.memory_bytes - alone.memory_bytes) / _STALLED / 1024
            bench.add("memory a stalled viewer", "KiB", each_kib, at_most=bound_kib)
            bench.add("900 viewers alone: p50", "ms", alone.p50_ms)
            bench.add("900 viewers alone: p99", "ms", alone.p99_ms)
    bench.finish()


if __name__ == "__main__":
    uvloop.run(main())
