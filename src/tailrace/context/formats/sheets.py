"""Floor 2: XLSX, the sheets of a workbook, each a page below its name, a row a line.

Rule 1: values are read as they were last computed; formulas are not.
Rule 2: a workbook has an end: rows of a sheet, columns of a row, cells in all.
"""

import datetime as dt
import importlib
import io
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final, Protocol, cast

from tailrace.context.formats.archive import Archive
from tailrace.context.formats.draft import Draft
from tailrace.context.formats.magic import require_zip
from tailrace.context.formats.tables import write_rows

_MAX_COLUMNS: Final = 500
_MAX_CELLS: Final = 1_000_000
_MAX_ROWS_LOOKED_AT: Final = 1_100_000  # a sheet has 1,048,576

_Value = str | bool | int | float | dt.datetime | dt.date | dt.time | None


class _Sheet(Protocol):
    title: str

    def reset_dimensions(self) -> None: ...

    def iter_rows(self, *, values_only: bool) -> Iterator[Sequence[_Value]]: ...


class _Properties(Protocol):
    title: str | None


class _Workbook(Protocol):
    worksheets: Sequence[_Sheet]
    properties: _Properties

    def close(self) -> None: ...


class _Openpyxl(Protocol):
    def load_workbook(
        self, filename: io.BytesIO, *, read_only: bool, data_only: bool, keep_links: bool
    ) -> _Workbook: ...


def xlsx_draft(data: bytes) -> Draft:
    """What stands in the sheets.

    Raises:
        RefusedError: it cannot be read.
    """
    require_zip(data, "Excel workbook")
    Archive(data).check()
    openpyxl = cast("_Openpyxl", importlib.import_module("openpyxl"))
    workbook = openpyxl.load_workbook(
        io.BytesIO(data), read_only=True, data_only=True, keep_links=False
    )
    draft = Draft()
    draft.title = (workbook.properties.title or "").strip()
    cells_left = _MAX_CELLS
    for sheet in workbook.worksheets:
        draft.page()
        draft.heading(1, sheet.title)
        draft.write(sheet.title)
        counted = _Counted(sheet, cells_left)
        write_rows(draft, counted.rows())
        cells_left = counted.left
        if cells_left <= 0:
            draft.write(f"[Only the first {_MAX_CELLS:,} cells were read.]")
            break
    workbook.close()
    return draft


class _Counted:
    """A sheet's rows, until there are no cells left to be read."""

    def __init__(self, sheet: _Sheet, left: int) -> None:
        self._sheet = sheet
        self.left = left

    def rows(self) -> Iterator[list[str]]:
        """Those with something in them."""
        self._sheet.reset_dimensions()  # what a file says of its size need not be so
        for row in islice(self._sheet.iter_rows(values_only=True), _MAX_ROWS_LOOKED_AT):
            cells = [_shown(cell) for cell in row[:_MAX_COLUMNS]]
            if not any(cells):
                continue
            self.left -= sum(map(bool, cells))
            if self.left <= 0:
                return
            yield cells


def _shown(value: _Value) -> str:
    """A cell's value as a person would write it."""
    match value:
        case None:
            return ""
        case bool():
            return "TRUE" if value else "FALSE"
        case float():
            return f"{value:.15g}"
        case dt.datetime():
            midnight = value.time() == dt.time()
            return value.date().isoformat() if midnight else value.isoformat(" ", "minutes")
        case _:
            return str(value)
