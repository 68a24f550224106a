"""Floor 7: MarkdownBlocks, where a growing Markdown text may be cut. Pure.

Rule 1: a block that was given out never changes, whatever follows; what may is the tail.
Rule 2: a cut stands at an empty line only, outside fenced code, and never inside a list.
"""

import re

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_LIST_ITEM = re.compile(r" {0,3}([-*+]|\d{1,9}[.)])(\s|$)")


class MarkdownBlocks:
    """Cuts a text that arrives in pieces."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._partial = ""
        self._fence = ""
        self._blank = False

    @property
    def tail(self) -> str:
        """What has arrived since the last cut."""
        return "".join(self._lines) + self._partial

    def feed(self, text: str) -> list[str]:
        """The blocks that `text` completes."""
        blocks: list[str] = []
        *lines, self._partial = (self._partial + text).split("\n")
        for line in lines:
            if self._blank and self._starts_block(line):
                blocks.append("".join(self._lines))
                self._lines = []
            self._take(line)
        return blocks

    def _take(self, line: str) -> None:
        self._lines.append(line + "\n")
        self._blank = not self._fence and not line.strip()
        fence = _FENCE.match(line)
        if fence is None:
            return
        if not self._fence:
            self._fence = fence[1]
        elif fence[1].startswith(self._fence) and line.strip() == fence[1]:
            self._fence = ""

    def _starts_block(self, line: str) -> bool:
        if not line.strip() or line[0] in " \t":
            return False
        first = next((held for held in self._lines if held.strip()), "")
        return bool(first) and not (_LIST_ITEM.match(first) and _LIST_ITEM.match(line))
