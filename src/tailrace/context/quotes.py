"""Floor 2: which words of which passage a sentence of an answer rests on. Pure.

Rule 1: a quote is a slice of its passage: one of its sentences, or two that follow one another.
Rule 2: words count by their rarity, and one that stands in no passage counts most: it says that
    the sentence rests on something else.
Rule 3: numbers and names of the sentence must stand in what is quoted, or nothing is.
Rule 4: the price of a sentence grows with its words and where they stand, not with all passages.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Final, NamedTuple

from tailrace.context.sentences import Span, spans
from tailrace.context.tokens import Term, terms

_LEAST: Final = 0.5
"""The share of a sentence's words, weighed, that quotes must have between them."""

_HINTED_LEAST: Final = 0.4
"""The same where a model has said which passage it is."""

_LEAST_GAIN: Final = 0.2
_PAIR_GAIN: Final = 0.15
_HINT: Final = 0.2
_MAX_QUOTES: Final = 3
_MAX_TERMS: Final = 80
_STRONG: Final = 1.5
_LIGHT: Final = 0.3
_OTHER_SENTENCES: Final = 50
"""Added to those there are, so that one passage alone has rare words and common ones too."""

_PROSE_SHARE: Final = 0.5
"""More capitals than that are no names: a title, or a language that writes nouns so."""

_LEAST_SHARED: Final = 2


class Quote(NamedTuple):
    """A slice of a passage; `passage` is its place among those there are."""

    passage: int
    start: int
    end: int


class _Sentence(NamedTuple):
    passage: int
    span: Span
    forms: frozenset[str]


class Quotes:
    """Finds quotes in a few passages, which it reads once."""

    def __init__(self, texts: Sequence[str], titles: Sequence[str]) -> None:
        """Quote from `texts`; a name may also stand in its passage's title."""
        self._sentences: list[_Sentence] = []
        self._places: defaultdict[str, list[int]] = defaultdict(list)
        self._forms: list[frozenset[str]] = []
        for passage, (text, title) in enumerate(zip(texts, titles, strict=True)):
            whole = {term.form for term in terms(title)}
            for span in spans(text):
                forms = frozenset(term.form for term in terms(text[span.start : span.end]))
                whole |= forms
                for form in forms:
                    self._places[form].append(len(self._sentences))
                self._sentences.append(_Sentence(passage, span, forms))
            self._forms.append(frozenset(whole))

    def find(self, sentence: str, hints: Collection[int] = ()) -> list[Quote]:
        """What `sentence` rests on, best first; nothing where it rests on nothing here.

        Args:
            sentence: A sentence of an answer.
            hints: The passages that its writer says it rests on.
        """
        said = terms(sentence)[:_MAX_TERMS]
        weights = self._weights(said)
        total = sum(weights.values())
        if not total:
            return []
        chosen = self._choose(weights, total, hints)
        shared = {form for form in weights for each in chosen if form in each.forms}
        hinted = any(each.passage in hints for each in chosen)
        if sum(weights[form] for form in shared) < total * (_HINTED_LEAST if hinted else _LEAST):
            return []
        if not self._agrees(said, chosen) or not _is_enough(said, shared):
            return []
        return [Quote(each.passage, *each.span) for each in chosen]

    def _weights(self, said: Sequence[Term]) -> dict[str, float]:
        many = len(self._sentences) + _OTHER_SENTENCES
        weights: dict[str, float] = {}
        for term in said:
            frequency = len(self._places.get(term.form, ()))
            weight = math.log(1 + (many - frequency + 0.5) / (frequency + 0.5))
            if term.is_number or term.is_name:
                weight *= _STRONG
            weights[term.form] = weight * (_LIGHT if term.is_light else 1.0)
        return weights

    def _choose(
        self, weights: dict[str, float], total: float, hints: Collection[int]
    ) -> list[_Sentence]:
        """The sentences, or pairs of them, that have most of the words between them."""
        left = dict(weights)
        chosen: list[_Sentence] = []
        while len(chosen) < _MAX_QUOTES:
            best = self._best(left, total, hints)
            if best is None:
                break
            chosen.append(best)
            for form in best.forms:
                left.pop(form, None)
        return chosen

    def _best(
        self, left: dict[str, float], total: float, hints: Collection[int]
    ) -> _Sentence | None:
        gains: Counter[int] = Counter()
        for form, weight in left.items():
            for place in self._places.get(form, ()):
                gains[place] += weight  # type: ignore[assignment]
        if not gains:
            return None

        def rank(place: int) -> tuple[float, int]:
            hint = _HINT * total if self._sentences[place].passage in hints else 0.0
            return gains[place] + hint, -place

        best = max(gains, key=rank)
        least = _LEAST_GAIN * total if self._sentences[best].passage not in hints else 0.0
        if gains[best] <= least:
            return None
        return self._paired(best, left, gains[best] + _PAIR_GAIN * total)

    def _paired(self, place: int, left: dict[str, float], least: float) -> _Sentence:
        """The sentence there, with the one before or after it where that brings enough more."""
        alone = self._sentences[place]
        pairs = [
            _joined(one, other)
            for one, other in (
                *self._neighbours(place - 1, place),
                *self._neighbours(place, place + 1),
            )
        ]
        worth = [(sum(left.get(form, 0.0) for form in pair.forms), pair) for pair in pairs]
        best, pair = max(worth, key=lambda each: each[0], default=(0.0, alone))
        return pair if best >= least else alone

    def _neighbours(self, one: int, other: int) -> Iterable[tuple[_Sentence, _Sentence]]:
        if one >= 0 and other < len(self._sentences):
            first, second = self._sentences[one], self._sentences[other]
            if first.passage == second.passage:
                yield first, second

    def _agrees(self, said: Sequence[Term], chosen: Sequence[_Sentence]) -> bool:
        """Whether all numbers stand in the quotes, and all names in the passages they are of."""
        quoted = {form for each in chosen for form in each.forms}
        if any(term.form not in quoted for term in said if term.is_number):
            return False
        names = [term for term in said if term.is_name and not term.is_number]
        words = [term for term in said if not term.is_number]
        if len(names) > max(2, len(words) * _PROSE_SHARE):
            return True
        told = {form for each in chosen for form in self._forms[each.passage]}
        return all(term.form in told for term in names)


def _joined(one: _Sentence, other: _Sentence) -> _Sentence:
    span = Span(one.span.start, other.span.end)
    return _Sentence(one.passage, span, one.forms | other.forms)


def _is_enough(said: Sequence[Term], shared: Collection[str]) -> bool:
    """Whether what is shared tells something: two words, or all there is, a number or a name."""
    heavy = {term.form: term for term in said if not term.is_light}
    told = [term for form, term in heavy.items() if form in shared]
    if len(told) >= _LEAST_SHARED:
        return True
    return len(told) == len(heavy) == 1 and (told[0].is_number or told[0].is_name)
