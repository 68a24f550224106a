"""A persisted stream against the design the project started from, in turns.

Saturated: every run says as much as it can for some seconds, one viewer a run, buffers bounded;
tokens that reached a viewer a second. Paced: 10 runs of 30 tokens a second; how old a token is
when it reaches its viewer, and what it costs the server. They come in step, as tokens of one model
server that batches do, or each run's at moments of their own. Ours commits before it delivers, at
synchronous=FULL.

Run: make bench, or python benchmarks/bench_persisted.py [--quick]
"""

import uvloop

from measuring import Bench
from processes import Side, side
from turns import turn, warm_up

_RUNS, _RATE = 10, 30.0


async def main() -> None:
    """Measure and print."""
    bench = Bench("persisted", __doc__, seconds=3.0)
    many = {"TAILRACE_MAX_LIVE_RUNS": "200"}
    with side("ours", environment=many) as ours, side("seed_design") as seed:
        await warm_up(ours, seed)
        for _ in range(bench.options.rounds):
            await _saturated(bench, ours, seed, 1)
            await _saturated(bench, ours, seed, 100)
            await _paced(bench, ours, seed, in_step=True)
            await _paced(bench, ours, seed, in_step=False)
    bench.finish()


async def _saturated(bench: Bench, ours: Side, seed: Side, runs: int) -> None:
    theirs = await turn(seed, runs, bench.options.seconds, 0)
    here = await turn(ours, runs, bench.options.seconds, 0)
    name = f"{runs} run{'s' if runs > 1 else ''}, as fast as it goes"
    ratio = here.tokens_per_s / theirs.tokens_per_s
    bench.add(f"{name}: against the seed's design", "x", ratio, at_least=100)
    bench.add(f"{name}: ours", "tokens/s", here.tokens_per_s)
    bench.add(f"{name}: ours, p50 from emit to viewer", "ms", here.p50_ms)
    bench.add(f"{name}: the seed's design", "tokens/s", theirs.tokens_per_s)
    bench.add(f"{name}: the seed's design, p50 from emit to viewer", "ms", theirs.p50_ms)


async def _paced(bench: Bench, ours: Side, seed: Side, *, in_step: bool) -> None:
    seconds = bench.options.seconds
    theirs = await turn(seed, _RUNS, seconds, _RATE, in_step=in_step)
    here = await turn(ours, _RUNS, seconds, _RATE, in_step=in_step)
    name = f"10 runs x 30 tokens/s, {'in step' if in_step else 'out of step'}"
    ratio = here.p50_ms / theirs.p50_ms
    bench.add(
        f"{name}: p50 from emit to viewer, against the seed's design", "x", ratio, at_most=0.2
    )
    ratio = here.cpu_us / theirs.cpu_us
    bench.add(f"{name}: CPU a token, against the seed's design", "x", ratio, at_most=1 / 3)
    for who, each in (("ours", here), ("the seed's design", theirs)):
        bench.add(f"{name}: {who}, p50 from emit to viewer", "ms", each.p50_ms)
        bench.add(f"{name}: {who}, p99", "ms", each.p99_ms)
        bench.add(f"{name}: {who}, CPU a token", "us", each.cpu_us)


if __name__ == "__main__":
    uvloop.run(main())
