"""Floor 3: TableGuard sees that code with a bar in it is no code in a table. Pure.

A table is cut into cells before anything else is read in it: a bar within backticks parts them, and
what looked like code is none. Whether a line heads a table is told by the next one alone.

Rule 1: within a table, code with a bar is to be written as plain text.
Rule 2: a line that had such code is to head no table: what would make it one is to be escaped.
"""

import re
from typing import Final

DELIMITERS: Final = re.compile(r"[ \t|:\-+*>]+")
"""As much of a line as may part the head of a table from its rows."""


class TableGuard:
    """Knows of tables from what is shown.

    Attributes:
        begun: Whether the lines here are rows of a table.
        is_at_risk: Whether the line before had code with a bar.
    """

    def __init__(self) -> None:
        self.begun = False
        self.is_at_risk = False
        self._has_bar = False
        self._line = ""
        self._is_plain = True

    def saw_code(self, code: str) -> None:
        """Hear that `code` is about to be shown."""
        self._has_bar = self._has_bar or "|" in code

    def take(self, text: str) -> str:
        """Take in what is shown; that."""
        *lines, rest = text.split("\n")
        for line in lines:
            self._add(line)
            self._end_line()
        self._add(rest)
        return text

    def _add(self, part: str) -> None:
        if self._is_plain:
            self._line += part
            self._is_plain = DELIMITERS.fullmatch(self._line) is not None or not self._line

    def _end_line(self) -> None:
        if not self._line.strip():
            self.begun = False
        elif self._is_plain and is_delimiter_row(self._line):
            self.begun = True
        self.is_at_risk, self._has_bar = self._has_bar, False
        self._line, self._is_plain = "", True


def is_delimiter_row(line: str) -> bool:
    """Whether `line` may part the head of a table from its rows."""
    return "|" in line and "-" in line and DELIMITERS.fullmatch(line) is not None
