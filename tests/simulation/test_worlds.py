"""Thousands of worlds of workers, faults and people: in none of them a rule is broken.

A failure names its world; `python -m tailrace.testing.simulation <seed>` lets it be again.
"""

import os
import subprocess
import sys

import pytest

from tailrace.testing.simulation.world import simulate

_CHUNK = 25
_IN_TEST = 1_000
_IN_TEST_SLOW = 20_000
_SLOW_CHUNK = 500


@pytest.mark.parametrize("first", range(0, _IN_TEST, _CHUNK))
def test_no_world_breaks_a_rule(first: int) -> None:
    reports = [simulate(seed) for seed in range(first, first + _CHUNK)]
    assert not [str(report) for report in reports if report.broken]


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("first", range(_IN_TEST, _IN_TEST + _IN_TEST_SLOW, _SLOW_CHUNK))
def test_no_further_world_breaks_a_rule(first: int) -> None:
    reports = [simulate(seed) for seed in range(first, first + _SLOW_CHUNK)]
    assert not [str(report) for report in reports if report.broken]


def test_the_worlds_are_not_idle() -> None:
    reports = [simulate(seed) for seed in range(50)]
    kinds = {kind for report in reports for kind in report.faults}
    assert kinds == {"storm", "pause", "kill", "restart", "fill_the_disk", "jump"}
    assert sum(report.attempts for report in reports) > sum(report.runs for report in reports)
    assert sum(report.events for report in reports) > 1_000


def test_a_seed_is_a_world_whatever_process_it_is_in() -> None:
    seeds = range(5)
    here = [simulate(seed) for seed in seeds]
    assert [simulate(seed) for seed in seeds] == here
    there = subprocess.run(
        [sys.executable, "-c", _ELSEWHERE],
        env={**os.environ, "PYTHONHASHSEED": "7"},
        capture_output=True,
        check=True,
        text=True,
    )
    assert there.stdout.split() == [report.digest for report in here]


_ELSEWHERE = """
from tailrace.testing.simulation.world import simulate
for seed in range(5):
    print(simulate(seed).digest)
"""
