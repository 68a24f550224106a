"""Floor 2: where a sentence ends, in an answer as it is written and in a passage. Pure.

Rule 1: a span is a slice of its text, and starts and ends visibly.
Rule 2: what is not sure to be an end is none: a quote that is longer is still a quote.
"""

import re
from typing import Final, NamedTuple

_CLOSING: Final = "[\"'”’»)\\]*_`」』）】]*"  # noqa: RUF001 - full-width marks are meant
_END: Final = re.compile(rf"[.!?…]+{_CLOSING}(?=\s)|[。！？]+{_CLOSING}|\n")  # noqa: RUF001 - as above
_ABBREVIATION: Final = re.compile(
    r"(?:(?<![^\W_])(?:[^\W_]|no|nr|dr|mr|mrs|ms|prof|st|vs|approx|ca|cf|fig|art|sec|bzw|usw|etc|"
    r"e\.g|i\.e|z\.b|d\.h|u\.a)|^\s*\d{1,3})\.$",
    re.IGNORECASE | re.MULTILINE,
)
_LOOK_BACK: Final = 12
_STRUCTURE: Final = re.compile(r"[ \t]*(?:[-*+•|>#]|\d{1,3}[.)][ \t]|```|~~~|$)", re.MULTILINE)
_WRAPPED_CHARS: Final = 50
"""A line at least so long may go on in the next one; after a shorter one something new begins."""

_MAX_CHARS: Final = 400
_MARKS: Final = re.compile(r"\s*(?:(?:[-*+•>|#]+|\d{1,3}[.)])[ \t]+)*")


class Span(NamedTuple):
    """A slice of a text."""

    start: int
    end: int


def sentence_end(text: str, position: int = 0) -> int | None:
    """Where the first sentence ends that ends after `position`; None where none is sure to."""
    for found in _END.finditer(text, position):
        before = text[max(0, found.start() - _LOOK_BACK) : found.start() + 1]
        if found[0] != "." or _ABBREVIATION.search(before) is None:
            return found.end()
    return None


def visible(text: str, start: int, end: int) -> Span:
    """The slice without the white space around it, and without the marks of a list or quotation."""
    found = _MARKS.match(text, start, end)
    first = found.end() if found else start
    return Span(min(first, end), max(min(first, end), start + len(text[start:end].rstrip())))


def spans(text: str) -> list[Span]:
    """The sentences of a passage, its lines where it has a structure of lines."""
    found: list[Span] = []
    start = position = 0
    while position < len(text):
        end = sentence_end(text, position)
        if end is None:
            end = len(text)
        elif text[end - 1] == "\n" and _goes_on(text, end):
            position = end
            continue
        found += _cut(text, visible(text, start, end))
        start = position = end
    if start < len(text):
        found += _cut(text, visible(text, start, len(text)))
    return found


def _goes_on(text: str, line_end: int) -> bool:
    """Whether the line that ends there is wrapped, and its sentence goes on in the next."""
    line_start = text.rfind("\n", 0, line_end - 1) + 1
    is_long = line_end - line_start > _WRAPPED_CHARS
    return is_long and text[line_start] not in "|#" and _STRUCTURE.match(text, line_end) is None


def _cut(text: str, span: Span) -> list[Span]:
    """`span` in pieces of bounded length, each ending at a word; nothing where it is empty."""
    pieces: list[Span] = []
    start, end = span
    while end - start > _MAX_CHARS:
        cut = text.rfind(" ", start + _MAX_CHARS // 2, start + _MAX_CHARS)
        cut = start + _MAX_CHARS if cut < 0 else cut
        pieces.append(visible(text, start, cut))
        start = cut
    rest = visible(text, start, end)
    return [*pieces, rest] if rest.end > rest.start else pieces
