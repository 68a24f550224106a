"""Floor 2: what a text says, as terms that can be compared with another's. Pure.

Rule: case, diacritics, Markdown, common endings and how a number is written make no difference.
"""

import re
import unicodedata
from functools import lru_cache
from typing import Final, NamedTuple

from tailrace.context.terms import ASKING_WORDS, STOP_WORDS

_UNSPACED: Final = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
_TOKEN: Final = re.compile(
    r"(?P<number>(?<![A-Za-z\d])(?:"
    r"\d{1,3}(?:[.,'\u2019\u00a0\u202f ]\d{3})+(?:[.,]\d{1,2})?|\d+(?:[.,:/]\d+)*)(?!\d))"
    rf"|(?P<unspaced>[{_UNSPACED}]+)"
    rf"|(?P<word>[^\W_{_UNSPACED}]+(?:['\u2019][^\W_{_UNSPACED}]+)*)"
)
_GROUPED: Final = re.compile(r"(\d{1,3}(?:[.,'\u2019\u00a0\u202f ]\d{3})+)(?:[.,](\d{1,2}))?")
_SPELLED: Final = re.compile("[零〇一二三四五六七八九十百千万亿]+")
_DIGIT: Final = re.compile(r"\d")
_SHORT: Final = 3
_ENDINGS: Final = (("ies", "y", 5), ("ing", "", 6), ("ed", "", 5), ("ly", "", 6), ("es", "", 5))


class Term(NamedTuple):
    """One thing a text says.

    Attributes:
        form: What it is compared by.
        is_number: Whether it is a number.
        is_name: Whether it is written as names are: a capital within a sentence, or with digits.
        is_light: Whether it says little: words that ask, or name what all documents are.
    """

    form: str
    is_number: bool = False
    is_name: bool = False
    is_light: bool = False


def terms(text: str) -> list[Term]:
    """The terms of `text` in order; stop words are none."""
    found: list[Term] = []
    first = True
    for token in _TOKEN.finditer(text):
        if token["number"]:
            found.append(Term(_number(token[0]), is_number=True))
        elif token["unspaced"]:
            found += _pairs(token[0])
        else:
            found += _word(token[0], is_first=first)
        first = False
    return found


def _pairs(run: str) -> list[Term]:
    """Pairs of characters of a script without spaces, and the numbers it spells out."""
    pairs = [Term(run[i : i + 2]) for i in range(len(run) - 1)] or [Term(run)]
    spelled = [each for each in _SPELLED.findall(run) if each != "一"]  # also the word for "a"
    return pairs + [Term(f"#{each}", is_number=True) for each in spelled]


def _word(word: str, *, is_first: bool) -> list[Term]:
    form = _plain(word).replace("\u2019", "'").removesuffix("'s")
    if form in STOP_WORDS or (len(form) == 1 and form.isascii()):
        return []
    has_digit = _DIGIT.search(form) is not None
    is_name = has_digit or (word[0].isupper() and not is_first)
    light = form in ASKING_WORDS
    return [Term(form if has_digit else _stem(form), is_name=is_name, is_light=light)]


def _plain(word: str) -> str:
    if word.isascii():
        return word.lower()
    parts = unicodedata.normalize("NFKD", word.casefold())
    return "".join(c for c in parts if not unicodedata.combining(c))


def _number(text: str) -> str:
    grouped = _GROUPED.fullmatch(text)
    if grouped is None:
        return text.replace(",", ".")
    whole = "".join(c for c in grouped[1] if c.isdigit())
    return f"{whole}.{grouped[2]}" if grouped[2] else whole


@lru_cache(maxsize=4_096)
def _stem(form: str) -> str:
    """`form` without its ending, so that `starts` and `started` are one; crude, for both sides."""
    if len(form) <= _SHORT or not form.isascii():
        return form
    for ending, instead, least in _ENDINGS:
        if form.endswith(ending) and len(form) >= least:
            form = form.removesuffix(ending) + instead
            break
    else:
        if form.endswith("s") and not form.endswith(("ss", "us", "is")):
            form = form[:-1]
    if len(form) > _SHORT and form[-1] == form[-2] and form[-1] not in "aeiouls":
        form = form[:-1]
    return form.removesuffix("e") if len(form) > _SHORT else form
