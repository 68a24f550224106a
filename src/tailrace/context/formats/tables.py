"""Floor 2: rows of cells as lines; each names its columns where the first row does.

A passage is a part of a table: a line that names its columns can be understood by itself.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Final

from tailrace.context.formats.draft import Draft

MAX_ROWS: Final = 100_000
_MAX_COLUMNS: Final = 500
_CELL_CHARS: Final = 5_000
_NAME_CHARS: Final = 60
_SNIFF_CHARS: Final = 16_384
_SNIFF_ROWS: Final = 20
_DELIMITERS: Final = (",", ";", "\t", "|")
_NUMBER: Final = re.compile(r"[-+]?[\d.,:/\s%-]+")
_FIELD_CHARS: Final = 1_000_000


def csv_draft(text: str) -> Draft:
    """A CSV file, whatever its delimiter is."""
    draft = Draft()
    csv.field_size_limit(_FIELD_CHARS)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
    write_rows(draft, rows)
    return draft


def write_rows(draft: Draft, rows: Iterable[Sequence[str]]) -> None:
    """Add the lines of a table.

    Raises:
        RefusedError: the text gets too long.
    """
    remaining = iter(rows)
    gap = "\n\n"
    for line in table_lines(islice(remaining, MAX_ROWS)):
        draft.write(line, gap=gap)
        gap = "\n"
    if next(remaining, None) is not None:
        draft.write(f"[Only the first {MAX_ROWS:,} rows were read.]", gap="\n")


def table_lines(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A line for each row that says something: `Name: Ada | Born: 1815`, or `Ada | 1815`."""
    cleaned = (row for row in map(_cells, rows) if any(row))
    first = next(cleaned, None)
    if first is None:
        return
    second = next(cleaned, None)
    if second is None or not _are_names(first, second):
        yield " | ".join(filter(None, first))
        for row in chain([second] if second else [], cleaned):
            yield " | ".join(filter(None, row))
        return
    names = [name[:_NAME_CHARS] for name in first]
    for row in chain([second], cleaned):
        named = [f"{name}: {cell}" for name, cell in zip(names, row, strict=False) if cell]
        yield " | ".join([*named, *filter(None, row[len(names) :])])


def _cells(row: Sequence[str]) -> list[str]:
    return [" ".join(cell[:_CELL_CHARS].split()) for cell in row[:_MAX_COLUMNS]]


def _are_names(first: list[str], second: list[str]) -> bool:
    """Whether the first row names the columns: short words, each once, more than one of them."""
    while first and not first[-1]:
        first.pop()
    if len(first) < 2 or len(set(first)) < len(first) or not any(second):  # noqa: PLR2004
        return False
    return all(name and len(name) <= _NAME_CHARS and not _NUMBER.fullmatch(name) for name in first)


def _delimiter(text: str) -> str:
    """The one that cuts the first rows into the same number of cells, the largest one."""
    sample = text[:_SNIFF_CHARS]
    if len(text) > _SNIFF_CHARS:
        sample = sample[: sample.rfind("\n") + 1] or sample

    def fitness(delimiter: str) -> tuple[float, int]:
        reader = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)
        widths = [len(row) for row in islice(reader, _SNIFF_ROWS) if row]
        if not widths:
            return 0.0, 0
        usual = max(set(widths), key=lambda width: (widths.count(width), width))
        return (widths.count(usual) / len(widths) if usual > 1 else 0.0), usual

    return max(_DELIMITERS, key=fitness)
