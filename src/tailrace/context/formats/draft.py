"""Floor 2: Draft, a text in the making, with where its headings and pages start.

Rule 1: each piece is cleaned when it is written, so that no position moves afterwards.
Rule 2: a text has an end: one that is longer than `MAX_CHARS` is refused, not cut.
"""

from collections.abc import Iterable
from typing import Final

from tailrace.context.decode import clean
from tailrace.context.headings import Heading

MAX_CHARS: Final = 20_000_000
_MAX_MARKS: Final = 50_000
_TITLE_CHARS: Final = 120


class RefusedError(Exception):
    """The content cannot be read; `reason` says why, for people. It never leaves `parse`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Draft:
    """The text so far.

    Attributes:
        title: What the document calls itself; "" where it does not.
        headings: Those whose text was written, in order.
    """

    def __init__(self) -> None:
        self.title = ""
        self.headings: list[Heading] = []
        self._parts: list[str] = []
        self._length = 0
        self._pages: list[int] = []
        self._pages_due = 0
        self._headings_due: list[tuple[int, str]] = []

    def write(
        self,
        text: str,
        gap: str = "\n\n",
        headings: Iterable[Heading] = (),
        deeper: int = 0,
    ) -> None:
        """Add a piece with its own headings, `deeper` than they say; a blank one adds nothing.

        Raises:
            RefusedError: the text gets too long.
        """
        piece = clean(text).rstrip()
        if not piece:
            return
        if self._length:
            self._parts.append(gap)
            self._length += len(gap)
        start = self._length
        if start + len(piece) > MAX_CHARS:
            msg = f"its text is longer than {MAX_CHARS:,} characters"
            raise RefusedError(msg)
        self._pages += [start] * self._pages_due
        self.headings += [Heading(start, *due) for due in self._headings_due]
        self._pages_due = 0
        self._headings_due.clear()
        self._parts.append(piece)
        self._length += len(piece)
        for heading in headings:
            if heading.start < len(piece) and len(self.headings) < _MAX_MARKS:
                level = heading.level + deeper
                self.headings.append(Heading(start + heading.start, level, heading.title))

    def heading(self, level: int, title: str) -> None:
        """What is written next stands below `title`; the title itself is not written."""
        words = " ".join(clean(title).split())[:_TITLE_CHARS]
        if words and len(self.headings) + len(self._headings_due) < _MAX_MARKS:
            self._headings_due = [due for due in self._headings_due if due[0] < level]
            self._headings_due.append((level, words))

    def page(self) -> None:
        """The next page starts; one on which nothing is written counts as well.

        Raises:
            RefusedError: there are too many.
        """
        if len(self._pages) + self._pages_due >= _MAX_MARKS:
            msg = f"it has more than {_MAX_MARKS:,} pages"
            raise RefusedError(msg)
        self._pages_due += 1

    @property
    def position(self) -> int:
        """How many characters there are."""
        return self._length

    def finish(self) -> tuple[str, tuple[int, ...]]:
        """The text, and where its pages start."""
        pages = [*self._pages, *[self._length] * self._pages_due]
        return "".join(self._parts), tuple(pages)
