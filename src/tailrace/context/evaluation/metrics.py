"""Floor 2: how good a ranking is, as numbers from 0.0 to 1.0; pure.

The definitions are those of trec_eval: https://github.com/usnistgov/trec_eval
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence

Span = tuple[str, int, int]
"""A document, and from where to where in it, in code points."""


def ndcg(ranking: Sequence[str], relevant: Mapping[str, int], depth: int) -> float:
    """Normalised discounted cumulative gain of the first `depth`."""
    gained = _gain([relevant.get(each, 0) for each in ranking[:depth]])
    best = _gain(sorted(relevant.values(), reverse=True)[:depth])
    return gained / best if best else 0.0


def recall(ranking: Sequence[str], relevant: Mapping[str, int], depth: int) -> float:
    """The share of what is relevant that is among the first `depth`."""
    wanted = {each for each, grade in relevant.items() if grade > 0}
    return len(wanted.intersection(ranking[:depth])) / len(wanted) if wanted else 0.0


def reciprocal_rank(ranking: Sequence[str], relevant: Mapping[str, int], depth: int) -> float:
    """One over the place of the first that is relevant; 0.0 where none is that near."""
    for place, each in enumerate(ranking[:depth], start=1):
        if relevant.get(each, 0) > 0:
            return 1 / place
    return 0.0


def span_recall(found: Sequence[Span], wanted: Sequence[Span]) -> float:
    """The share of the wanted characters that were found."""
    total = _length(wanted)
    return _shared(found, wanted) / total if total else 0.0


def span_precision(found: Sequence[Span], wanted: Sequence[Span]) -> float:
    """The share of the found characters that were wanted."""
    total = _length(found)
    return _shared(found, wanted) / total if total else 0.0


def within_budget(found: Sequence[Span], chars: int) -> list[Span]:
    """The first of `found` that have `chars` characters in all, the last one cut."""
    kept: list[Span] = []
    left = chars
    for document, start, end in found:
        if left <= 0:
            break
        kept.append((document, start, min(end, start + left)))
        left -= end - start
    return kept


def area(positive: Sequence[float], negative: Sequence[float]) -> float:
    """How often one of `positive` is above one of `negative` (area under the ROC curve)."""
    lower = sorted(negative)
    wins = sum((bisect_left(lower, value) + bisect_right(lower, value)) / 2 for value in positive)
    pairs = len(positive) * len(negative)
    return wins / pairs if pairs else 0.0


def _gain(grades: Sequence[int]) -> float:
    return sum(grade / math.log2(place + 2) for place, grade in enumerate(grades))


def _merged(spans: Sequence[Span]) -> list[Span]:
    merged: list[Span] = []
    for document, start, end in sorted(spans):
        if merged and merged[-1][0] == document and start <= merged[-1][2]:
            merged[-1] = (document, merged[-1][1], max(end, merged[-1][2]))
        else:
            merged.append((document, start, end))
    return merged


def _length(spans: Sequence[Span]) -> int:
    return sum(end - start for _, start, end in _merged(spans))


def _shared(one: Sequence[Span], other: Sequence[Span]) -> int:
    return sum(
        max(0, min(end, to) - max(start, since))
        for document, start, end in _merged(one)
        for same, since, to in _merged(other)
        if same == document
    )
