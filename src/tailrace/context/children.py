"""Floor 2: the parts of a passage that are embedded, each by itself; pure.

Rule 1: a part is short enough that an embedding model which reads 256 tokens reads all of it.
Rule 2: what is embedded is a part with the headings it stands under, and nothing else: so a
    document that is renamed or moved has its vectors already.
"""

import math
import re
from typing import Final, NamedTuple

_CHARS: Final = 680
_TOKENS: Final = 195
_HEADING_CHARS: Final = 100
_SLACK: Final = 1.15
_LEAST: Final = 0.6
_CHARS_A_TOKEN: Final = 3.4

_MARK: Final = re.compile(r"[^\w\s]|_")
_UNSPACED: Final = re.compile(
    "[\u0e00-\u0eff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003134f]"
)
_WORD: Final = re.compile(r"\w+")
_BREAKS: Final = (
    re.compile(r"\n[ \t]*\n"),
    re.compile(r"\n"),
    re.compile(r"""[.!?…]["'”’)\]]?\s|[。！？]"""),  # noqa: RUF001 - full-width marks are meant
    re.compile(r"\s"),
)


class Child(NamedTuple):
    """A part of a passage: where it stands in the passage's text."""

    start: int
    end: int


def children(text: str) -> list[Child]:
    """The parts of a passage's text, each 400 to 800 characters where it has as many."""
    count = max(math.ceil(len(text) / _CHARS), math.ceil(estimated_tokens(text) / _TOKENS), 1)
    cut: list[Child] = []
    start = 0
    for left in range(count, 0, -1):
        end = len(text) if left == 1 else _cut(text, start, (len(text) - start) / left)
        if text[start:end].strip():
            cut.append(Child(start, end))
        start = end
    return cut


def embedded_texts(heading: str, text: str) -> list[str]:
    """What is embedded for a passage: one text for each of its parts."""
    above = heading[-_HEADING_CHARS:]
    return [f"{above}\n{text[part.start : part.end].strip()}" for part in children(text)]


def estimated_tokens(text: str) -> float:
    """About how many tokens a word-piece model makes of `text`, rather too many than too few."""
    unspaced = len(_UNSPACED.findall(text))
    words = sum(max(len(word) / _CHARS_A_TOKEN, 1.0) for word in _WORD.findall(text))
    return unspaced * (1 - 1 / _CHARS_A_TOKEN) + words + len(_MARK.findall(text))


def _cut(text: str, start: int, length: float) -> int:
    first, last = start + int(length * _LEAST), start + math.ceil(length * _SLACK)
    for pattern in _BREAKS:
        ends = [found.end() for found in pattern.finditer(text, first, last)]
        if ends:
            return min(ends, key=lambda end: abs(end - start - length))
    return start + math.ceil(length)
