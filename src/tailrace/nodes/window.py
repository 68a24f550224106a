"""Floor 3: the part of a long passage that is about the question. Pure.

Rule: a window is an exact slice of its text.
"""

import re
from typing import Final, NamedTuple

from tailrace.nodes.tokens import estimate_tokens, leading

_FOUND_BY_WORDS: Final = 6
_BEFORE: Final = 0.25
"""Of a window, what stands before the place it is made for."""


class Window(NamedTuple):
    """A slice of a text: where it starts, and what it says."""

    start: int
    text: str


def window(text: str, snippet: str, tokens: int) -> Window:
    """About `tokens` of `text` around where `snippet`, some of it on one line, comes from."""
    if estimate_tokens(text) <= tokens:
        return Window(0, text)
    chars = max(1, len(text) * tokens // estimate_tokens(text))
    start = max(0, min(_place(text, snippet) - round(chars * _BEFORE), len(text) - chars))
    for end in ("\n", " "):
        after = text.rfind(end, 0, start + 1) + 1
        if start - after <= chars * _BEFORE:
            start = after
            break
    return Window(start, leading(text[start:], tokens))


def _place(text: str, snippet: str) -> int:
    words = snippet.split()[:_FOUND_BY_WORDS]
    found = re.search(r"\s+".join(map(re.escape, words)), text) if words else None
    return found.start() if found else 0
