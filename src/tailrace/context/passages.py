"""Floor 2: Passage, and how found chunks become a few passages worth reading; pure.

Rule: chunks that stand next to one another stay apart: whoever reads with little room has the
    best one first, and whole.
"""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

import msgspec

from tailrace.stores.documents import Hit

PER_DOCUMENT: Final = 3
_SNIPPET_CHARS: Final = 280
_STEM_CHARS: Final = 4


class Passage(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a document that may answer a question.

    Attributes:
        id: The same for the same part of the same revision.
        text: `char_start` to `char_end` of the document's text.
        snippet: Some of `text`, around what was asked for, on one line.
        page: The page it starts on, from 1; None where the document has no pages.
        score: Higher is better; compares within one search.
        source: The path or name of the document.
        chunk_id: The store's id for it.
    """

    id: str
    document_id: int
    revision: int
    title: str
    heading: str
    text: str
    snippet: str
    char_start: int
    char_end: int
    page: int | None = None
    score: float
    source: str
    chunk_id: int


def choose(hits: Sequence[Hit], limit: int) -> list[Hit]:
    """The best `limit` hits: copies left out, and of one document at most three."""
    chosen: list[Hit] = []
    seen: set[str] = set()
    taken: Counter[int] = Counter()
    for hit in hits:
        if len(chosen) >= limit:
            break
        if hit.text in seen or taken[hit.document_id] >= PER_DOCUMENT:
            continue
        seen.add(hit.text)
        taken[hit.document_id] += 1
        chosen.append(hit)
    return chosen


def passage_of(hit: Hit, words: Sequence[str]) -> Passage:
    """The passage that `hit` is; its snippet is chosen by `words`."""
    return Passage(
        id=f"{hit.document_id}.{hit.revision}.{hit.char_start}-{hit.char_end}",
        document_id=hit.document_id,
        revision=hit.revision,
        title=hit.title,
        heading=hit.heading,
        text=hit.text,
        snippet=snippet(hit.text, words),
        char_start=hit.char_start,
        char_end=hit.char_end,
        page=hit.page,
        score=hit.score,
        source=hit.source,
        chunk_id=hit.chunk_id,
    )


def snippet(text: str, words: Sequence[str]) -> str:
    """About 280 characters of `text` that have most of `words`, on one line."""
    stems = {word[: max(_STEM_CHARS, len(word) - 3)] for word in words}
    places: list[tuple[int, str]] = []
    if stems:
        longest_first = sorted(stems, key=len, reverse=True)
        pattern = re.compile("|".join(re.escape(stem) for stem in longest_first), re.IGNORECASE)
        places = [(match.start(), match[0].lower()) for match in pattern.finditer(text)]
    start = _densest(places)
    before = text.rfind("\n", 0, start) + 1
    start = before if start - before <= _SNIPPET_CHARS // 3 else _word_start(text, start)
    line = ""
    for word in text[start : start + 2 * _SNIPPET_CHARS].split():
        longer = f"{line} {word}" if line else word[:_SNIPPET_CHARS]
        if len(longer) > _SNIPPET_CHARS:
            break
        line = longer
    return line


def _densest(places: Sequence[tuple[int, str]]) -> int:
    """The place from which most different words follow within a snippet's length."""
    best, most = 0, 0
    for number, (start, _) in enumerate(places):
        near = {word for at, word in places[number : number + 40] if at - start < _SNIPPET_CHARS}
        if len(near) > most:
            best, most = start, len(near)
    return best


def _word_start(text: str, place: int) -> int:
    back = text.rfind(" ", max(place - _SNIPPET_CHARS // 4, 0), place)
    return back + 1 if back >= 0 else place
