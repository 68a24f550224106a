"""Every benchmark, one after another, those that need a quiet machine first; then the page.

Each runs in a process of its own; one that fails does not keep the others from running.

Run: make bench, or python benchmarks/run_all.py [--quick]
"""

import subprocess
import sys
import time
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
FIRST: Final = (
    "fan_out",
    "token_cost",
    "persisted",
    "commit_first",
    "stalled",
    "idle",
    "append",
    "first_token",
    "cancel",
    "recovery",
)


def main() -> int:
    """Run all; 0 where none failed."""
    options = sys.argv[1:]
    there = sorted(path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py"))
    failed: list[str] = []
    for name in [*FIRST, *(each for each in there if each not in FIRST)]:
        print(f"== {name}", flush=True)
        start_s = time.monotonic()
        command = [sys.executable, str(HERE / f"bench_{name}.py"), *options]
        if subprocess.run(command, check=False).returncode:
            failed.append(name)
        print(f"   {time.monotonic() - start_s:.0f} s", flush=True)
    if not options:
        subprocess.run([sys.executable, str(HERE / "report.py")], check=True)
    print(f"failed: {', '.join(failed)}" if failed else "All ran.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
