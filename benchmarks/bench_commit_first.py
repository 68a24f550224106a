"""What commit before delivery costs, against delivery first: 100 runs of 50 tokens a second.

The same server twice, in turns. One is as it is; in the other the store says "kept" at once and
commits behind, so that a crash could take back what a viewer has seen.

Run: make bench, or python benchmarks/bench_commit_first.py [--quick]
"""

import uvloop

from measuring import Bench
from processes import side
from turns import turn, warm_up

_RUNS, _RATE = 100, 50.0


async def main() -> None:
    """Measure and print."""
    bench = Bench("commit_first", __doc__)
    many = {"TAILRACE_MAX_LIVE_RUNS": "200"}
    with (
        side("ours", environment=many) as commits,
        side("ours", "--delivery-first", environment=many) as delivers,
    ):
        await warm_up(commits, delivers)
        for _ in range(bench.options.rounds):
            kept = await turn(commits, _RUNS, bench.options.seconds, _RATE)
            loose = await turn(delivers, _RUNS, bench.options.seconds, _RATE)
            added = kept.p50_ms - loose.p50_ms
            bench.add("commit before delivery adds, p50", "ms", added, at_most=3)
            added = kept.p99_ms - loose.p99_ms
            bench.add("commit before delivery adds, p99", "ms", added, at_most=15)
            ratio = kept.cpu_us / loose.cpu_us
            bench.add("commit before delivery, CPU a token against", "x", ratio, at_most=2)
            for who, each in (("commit first", kept), ("delivery first", loose)):
                bench.add(f"{who}, p50 from emit to viewer", "ms", each.p50_ms)
                bench.add(f"{who}, p99", "ms", each.p99_ms)
                bench.add(f"{who}, CPU a token", "us", each.cpu_us)
    bench.finish()


if __name__ == "__main__":
    uvloop.run(main())
