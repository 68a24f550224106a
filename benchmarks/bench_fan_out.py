"""One run, 1,000 viewers, 100 events a second, in turns with a ceiling.

The ceiling sends the same bytes to as many viewers from a bare asyncio protocol, so that what is
left between the two is what the log, HTTP and the limits of a viewer cost.

Run: make bench, or python benchmarks/bench_fan_out.py [--quick]
"""

import uvloop

from crowds import IN_TIME_MS, broadcast, fan_out
from measuring import Bench
from processes import side
from viewing import VIEWERS_ALLOWED

_VIEWERS, _RATE = 1_000, 100.0


async def main() -> None:
    """Measure and print."""
    bench = Bench("fan_out", __doc__)
    with side("ours", environment=VIEWERS_ALLOWED) as ours, side("ceiling") as ceiling:
        await fan_out(ours, 10, 0.2, _RATE)
        for _ in range(bench.options.rounds):
            bare = await broadcast(ceiling, _VIEWERS, bench.options.seconds, _RATE)
            here = await fan_out(ours, _VIEWERS, bench.options.seconds, _RATE)
            share = 100 * here.in_time
            bench.add(f"delivered within {IN_TIME_MS:.0f} ms", "%", share, at_least=97)
            bench.add("p99 from emit to viewer", "ms", here.p99_ms, at_most=50)
            ratio = here.cpu_us / bare.cpu_us
            bench.add("CPU a delivery, against the ceiling", "x", ratio, at_most=1.5)
            bench.add("p50 from emit to viewer", "ms", here.p50_ms)
            bench.add("CPU a delivery", "us", here.cpu_us)
            bench.add("the ceiling, p50 from emit to viewer", "ms", bare.p50_ms)
            bench.add("the ceiling, p99", "ms", bare.p99_ms)
            bench.add("the ceiling, CPU a delivery", "us", bare.cpu_us)
    bench.finish()


if __name__ == "__main__":
    uvloop.run(main())
