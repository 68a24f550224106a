"""Floor 2: judge whether anything that was found is about the question at all; pure.

Rule 1: it may say "nothing relevant"; it never says "enough": cheap signals cannot tell.
Rule 2: no absolute score of a search decides: it means nothing in a collection of two documents.
    What counts is which share of the question's words was found, the rarer a word the heavier,
    and, where passages are embedded, how near in meaning the nearest is.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from tailrace.context.passages import Passage
from tailrace.context.terms import Terms, is_unspaced
from tailrace.stores.documents import TermStatistics

_PASSAGES: Final = 5
_MAX_LEAST: Final = 0.40
_BASE_LEAST: Final = 0.13
_LEAST_PER_TENFOLD: Final = 0.08
_UNSPACED_LEAST: Final = 0.15
_LEAST_NEARNESS: Final = 0.575
_COVERAGE_SHARE: Final = 0.157
"""What covering just enough words is worth beside a cosine. Both were chosen on one half of a
public set's articles and tested on the other: docs/evaluation.md."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the passages are about the question.

    Attributes:
        relevant: False: nothing is; None: the question has no words that could tell.
        coverage: Weighed share of its words that the best passage has, 0.0 to 1.0.
        missing_terms: The words that no passage has.
        cosine: How near in meaning the nearest passage is, -1.0 to 1.0; None where none of them
            is embedded.
        signal: What decides: from 1.0 on, passages count as being about the question.
    """

    relevant: bool | None
    coverage: float
    missing_terms: tuple[str, ...]
    cosine: float | None = None
    signal: float = 0.0


def judge(
    terms: Terms,
    passages: Sequence[Passage],
    statistics: TermStatistics,
    cosines: Mapping[int, float] | None = None,
) -> Verdict:
    """Whether one of `passages` is about what `terms` ask for.

    `cosines` says how near to it those of them are that are embedded, by their `chunk_id`.
    """
    if not terms.words:
        return Verdict(relevant=None, coverage=0.0, missing_terms=())
    weights = {word: _weight(word, statistics) for word in terms.words}
    best = max((_covered(weights, each, statistics) for each in passages[:_PASSAGES]), default=0.0)
    coverage = best / sum(weights.values())
    found = {passage.chunk_id for passage in passages}
    missing = tuple(word for word in terms.words if not statistics.found_in[word] & found)
    near: Mapping[int, float] = cosines or {}
    cosine = max(near.values(), default=None)
    signal = _signal(terms, coverage, statistics.chunk_count, cosine, complete=found <= near.keys())
    return Verdict(
        relevant=signal >= 1.0,
        coverage=coverage,
        missing_terms=missing,
        cosine=cosine,
        signal=signal,
    )


def _signal(
    terms: Terms, coverage: float, chunk_count: int, cosine: float | None, *, complete: bool
) -> float:
    """How sure it is that passages are about the question; 1.0 is just enough."""
    by_words = coverage / _least(terms, chunk_count)
    if cosine is None or _is_unspaced(terms):  # the model at hand may not know that language
        return by_words
    nearness = (cosine + _COVERAGE_SHARE * by_words) / _LEAST_NEARNESS
    return nearness if complete else max(nearness, by_words)


def _least(terms: Terms, chunk_count: int) -> float:
    """The coverage from which passages count as being about the question.

    It grows with the collection: in a small one, most of a question's other words stand nowhere
    and weigh as much as its subject. Measured on three public sets of questions, from 4 passages
    to 1,000, so that at most 3 of 100 questions with an answer are turned away.
    """
    if _is_unspaced(terms):
        return _UNSPACED_LEAST  # pairs of characters that are no word stand nowhere either
    return min(_BASE_LEAST + _LEAST_PER_TENFOLD * math.log10(max(chunk_count, 1)), _MAX_LEAST)


def _is_unspaced(terms: Terms) -> bool:
    """Whether most of it is in a script without spaces."""
    return sum(map(is_unspaced, terms.words)) * 2 > len(terms.words)


def _weight(word: str, statistics: TermStatistics) -> float:
    """Its inverse document frequency, as Lucene's BM25 counts it: never negative."""
    frequency = statistics.frequency[word]
    return math.log(1 + (statistics.chunk_count - frequency + 0.5) / (frequency + 0.5))


def _covered(weights: dict[str, float], passage: Passage, statistics: TermStatistics) -> float:
    return sum(
        weight for word, weight in weights.items() if passage.chunk_id in statistics.found_in[word]
    )
