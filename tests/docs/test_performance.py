"""The page of figures is what the benchmarks found, and leaves none of them out."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "performance.md"


def test_its_tables_are_made_from_the_kept_results() -> None:
    report = [sys.executable, str(ROOT / "benchmarks" / "report.py"), "--check"]
    done = subprocess.run(report, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


def test_every_benchmark_has_its_place() -> None:
    there = {path.stem.removeprefix("bench_") for path in (ROOT / "benchmarks").glob("bench_*.py")}
    shown = re.findall(r"<!-- figures: (\w+) -->", PAGE.read_text("utf-8"))
    assert sorted(shown) == sorted({"targets"} | there)
