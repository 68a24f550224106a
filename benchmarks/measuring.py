"""Figures: rounds in, medians and spread out, kept as JSON for `docs/performance.md`.

Rule 1: a figure keeps the value of every round; its median is what is held against the target.
Rule 2: sides take turns within each round, so that what else the machine does meets them alike.
"""

import argparse
import os
import platform
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

import msgspec

_SIGNS: Final = {"x": "\u00d7", "us": "\u00b5s"}
RESULTS: Final = Path(__file__).resolve().parent / "results"


class Figure(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One figure.

    Attributes:
        what: What was measured, for people.
        unit: Of its values; `x` where it is a ratio.
        values: One for each round.
        at_most: The target, where less is better; None without one.
        at_least: The target, where more is better; None without one.
    """

    what: str
    unit: str
    values: list[float]
    at_most: float | None = None
    at_least: float | None = None

    @property
    def median(self) -> float:
        """Of all rounds."""
        return statistics.median(self.values)

    @property
    def target(self) -> str:
        """In words; "" without one."""
        if self.at_most is not None:
            return f"≤ {self.in_words(self.at_most)}"
        if self.at_least is not None:
            return f"≥ {self.in_words(self.at_least)}"
        return ""

    def in_words(self, value: float) -> str:
        """A value with its unit."""
        return f"{shown(value)} {_SIGNS.get(self.unit, self.unit)}"

    @property
    def met(self) -> bool | None:
        """Whether the median keeps the target; None without one."""
        if self.at_most is not None:
            return self.median <= self.at_most
        if self.at_least is not None:
            return self.median >= self.at_least
        return None

    @property
    def spread(self) -> str:
        """From the lowest to the highest round."""
        return f"{shown(min(self.values))} to {shown(max(self.values))}"


class Result(msgspec.Struct, kw_only=True):
    """What one benchmark found.

    Attributes:
        command: How to run it again.
        machine: On what.
        load: Processes that wanted a core in the minute before it began; 0 on an idle machine.
    """

    command: str
    machine: str
    load: float
    figures: list[Figure]

    @classmethod
    def read(cls, name: str) -> Self:
        """The kept result of the benchmark `name`."""
        return msgspec.json.decode((RESULTS / f"{name}.json").read_bytes(), type=cls)


class Options(msgspec.Struct, kw_only=True):
    """How thoroughly to measure.

    Attributes:
        rounds: How often each side has its turn.
        seconds: How long one turn measures.
        quick: Whether this only tries that the benchmark works; nothing is kept then.
    """

    rounds: int
    seconds: float
    quick: bool


class Bench:
    """One benchmark under way."""

    def __init__(
        self, name: str, doc: str | None, *, rounds: int = 5, seconds: float = 4.0
    ) -> None:
        parser = argparse.ArgumentParser(description=doc)
        parser.add_argument("--rounds", type=int, default=rounds)
        parser.add_argument("--seconds", type=float, default=seconds, help="of each turn")
        parser.add_argument("--quick", action="store_true", help="one short round, not kept")
        chosen = parser.parse_args()
        self.options = Options(
            rounds=1 if chosen.quick else chosen.rounds,
            seconds=1.0 if chosen.quick else chosen.seconds,
            quick=chosen.quick,
        )
        self._name = name
        self._load = os.getloadavg()[0]
        self._figures: dict[str, Figure] = {}

    def add(
        self,
        what: str,
        unit: str,
        value: float,
        *,
        at_most: float | None = None,
        at_least: float | None = None,
    ) -> None:
        """Note the value of one more round of the figure `what`."""
        figure = self._figures.get(what)
        if figure is None:
            figure = self._figures[what] = Figure(
                what=what, unit=unit, values=[], at_most=at_most, at_least=at_least
            )
        figure.values.append(round(value, 4))

    def finish(self) -> None:
        """Print the figures, and keep them."""
        figures = list(self._figures.values())
        for figure in figures:
            verdict = {True: "met", False: "MISSED", None: ""}[figure.met]
            value = figure.in_words(figure.median)
            print(f"{figure.what:76}{value:>14}  [{figure.spread}]  {figure.target} {verdict}")
        if self.options.quick:
            return
        result = Result(
            command=f"python benchmarks/bench_{self._name}.py",
            machine=machine(),
            load=round(self._load, 1),
            figures=figures,
        )
        RESULTS.mkdir(exist_ok=True)
        data = msgspec.json.format(msgspec.json.encode(result), indent=1)
        (RESULTS / f"{self._name}.json").write_bytes(data + b"\n")


def machine() -> str:
    """What it ran on, as far as it matters for the figures."""
    cores = len(os.sched_getaffinity(0))
    return (
        f"{cores} cores, {platform.machine()}, {platform.system()}, "
        f"Python {platform.python_version()}"
    )


def percentile(ordered: Sequence[float], share: float) -> float:
    """The value that `share` of the `ordered` ones do not exceed; 0 where there are none."""
    if not ordered:
        return 0.0
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def shown(value: float) -> str:
    """A value with as many digits as it deserves."""
    if value == int(value) or abs(value) >= 100:  # noqa: PLR2004 - three digits are enough
        return f"{value:,.0f}"
    return f"{value:.3g}"
