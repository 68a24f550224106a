"""Replay worlds: `python -m tailrace.testing.simulation 7 8 9`, or `1000-2000` for a range."""

import logging
import sys
import time

from tailrace.testing.simulation.world import simulate


def main(arguments: list[str]) -> int:
    """Simulate each seed, print what is broken, and how fast it went."""
    logging.disable()  # what the workers note of their faults
    started_s, worlds, virtual_s, broken = time.perf_counter(), 0, 0.0, 0
    for argument in arguments:
        first, _, last = argument.partition("-")
        for seed in range(int(first), int(last or first) + 1):
            report = simulate(seed)
            worlds, virtual_s = worlds + 1, virtual_s + report.virtual_s
            if report.broken:
                broken += 1
                sys.stdout.write(f"{report}\n")
    took_s = time.perf_counter() - started_s
    sys.stdout.write(
        f"{worlds:,} worlds, {virtual_s / 3600:,.1f} simulated hours, {took_s:.1f} s: "
        f"{worlds / took_s:.0f} worlds a second; {broken:,} broken\n"
    )
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
