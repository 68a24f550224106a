"""Floor 2: the headings of a PDF file without an outline: lines in larger letters than the rest."""

from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

_LARGER: Final = 1.12
_MAX_TITLE: Final = 120
_MAX_LEVELS: Final = 6
_MAX_REPEATS: Final = 3
_MAX_SHARE: Final = 0.2


class Line(NamedTuple):
    """A line of a page.

    Attributes:
        start: Where it starts in the page's text.
        size: How large its letters are; 0 where that is not known.
    """

    start: int
    text: str
    size: float


class _Found(NamedTuple):
    page: int
    start: int
    size: float
    title: str


def headings_by_size(pages: Sequence[Sequence[Line]]) -> dict[int, list[tuple[int, int, str]]]:
    """For each page, where headings start in it, how deep they are and what they say."""
    letters: Counter[float] = Counter()
    for page in pages:
        for line in page:
            letters[_rounded(line.size)] += len(line.text)
    if not letters:
        return {}
    usual = letters.most_common(1)[0][0]
    found = _large(pages, usual * _LARGER)
    repeated = Counter(each.title for each in found)
    found = [each for each in found if repeated[each.title] <= _MAX_REPEATS]
    if not usual or len(found) > _MAX_SHARE * sum(map(len, pages)) + 1:
        return {}
    sizes = sorted({each.size for each in found}, reverse=True)[:_MAX_LEVELS]
    levels = {size: level for level, size in enumerate(sizes, start=1)}
    headings: dict[int, list[tuple[int, int, str]]] = {}
    for each in found:
        if each.size in levels:
            headings.setdefault(each.page, []).append((each.start, levels[each.size], each.title))
    return headings


def _large(pages: Sequence[Sequence[Line]], least: float) -> list[_Found]:
    """The lines of at least that size; those that follow one another in one size are one."""
    found: list[_Found] = []
    for number, page in enumerate(pages):
        goes_on = False
        for line in page:
            size = _rounded(line.size)
            text = " ".join(line.text.split())
            is_large = size >= least and any(map(str.isalpha, text))
            if is_large and goes_on and found[-1].size == size:
                title = f"{found[-1].title} {text}"
                found[-1] = found[-1]._replace(title=title)
            elif is_large:
                found.append(_Found(number, line.start, size, text))
            goes_on = is_large
    return [each for each in found if len(each.title) <= _MAX_TITLE]


def _rounded(size: float) -> float:
    return round(size * 2) / 2
