"""`docs/performance.md`: its tables are made from `benchmarks/results/`, its prose by hand.

A table stands between `<!-- figures: name -->` and `<!-- end -->`, where `name` is a benchmark's
own; `targets` gives every figure that has a target, of all benchmarks.

Run: python benchmarks/report.py [--check]
"""

import argparse
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from measuring import RESULTS, Figure, Result

PAGE: Final = Path(__file__).resolve().parent.parent / "docs" / "performance.md"
_TABLE: Final = re.compile(r"(<!-- figures: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
_TIMES: Final = re.compile(r"(?<=\d) x (?=\d)| x (?=\d)")
_VERDICT: Final = {True: "met", False: "**missed**", None: ""}


def results() -> dict[str, Result]:
    """What every benchmark found, by its name."""
    return {path.stem: Result.read(path.stem) for path in sorted(RESULTS.glob("*.json"))}


def filled(page: str, found: Mapping[str, Result]) -> str:
    """The page with its tables made anew."""

    def table(match: re.Match[str]) -> str:
        name = match[2]
        lines = targets(found) if name == "targets" else figures(name, found)
        return match[1] + "\n".join(lines) + "\n" + match[3]

    return _TABLE.sub(table, page)


def targets(found: Mapping[str, Result]) -> Iterator[str]:
    """Every figure that has a target."""
    yield "| benchmark | figure | target | median | lowest to highest round | |"
    yield "|---|---|--:|--:|--:|---|"
    for name, result in found.items():
        for figure in result.figures:
            if figure.target:
                yield f"| {name} | {_row(figure, with_target=True)} |"


def figures(name: str, found: Mapping[str, Result]) -> Iterator[str]:
    """All figures of one benchmark, and on what it ran."""
    result = found.get(name)
    if result is None:
        yield "Not measured yet."
        return
    load = f"load before it began {result.load:g}"
    yield f"`{result.command}`, {result.machine}; {load}."
    yield ""
    yield "| figure | median | lowest to highest round |"
    yield "|---|--:|--:|"
    for figure in result.figures:
        yield f"| {_row(figure, with_target=False)} |"


def _row(figure: Figure, *, with_target: bool) -> str:
    cells = [_TIMES.sub(" \u00d7 ", figure.what)]
    if with_target:
        cells.append(figure.target)
    cells += [figure.in_words(figure.median), figure.spread]
    if with_target:
        cells.append(_VERDICT[figure.met])
    return " | ".join(cells)


def main() -> int:
    """Write the page, or say whether it is what the results make of it; 0 when all is well."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check: bool = parser.parse_args().check
    before = PAGE.read_text("utf-8")
    after = filled(before, results())
    if not check:
        PAGE.write_text(after, "utf-8")
        return 0
    if before != after:
        print("docs/performance.md is not what benchmarks/results/ say; run benchmarks/report.py")
        return 1
    print("Performance: the page says what was measured.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
