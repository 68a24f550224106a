"""Floor 2: how several ways to find passages become one order; pure.

Rule 1: each way says how good a passage is on a scale of its own that does not depend on what else
    was found: words, which share of the best imaginable score of that question they reach; meaning,
    the cosine. Where the words of a question hardly occur, its meaning decides, and the other way
    round. Adding up ranks instead was measured, with several weights: it was worse than the best
    single way on one set or another, and never better than this (docs/evaluation.md).
Rule 2: what a way is worth depends on what was searched, but words weigh the same everywhere, so
    that no kind of source is favoured where words are all there is.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final

import msgspec

from tailrace.context.kinds import DocumentKind
from tailrace.stores.documents import DocumentOrigin, Hit

DEPTH: Final = 100
"""So many passages of each way are looked at."""

_CODE: Final = DocumentKind.CODE.value


class Way(StrEnum):
    """A way to find passages."""

    PORTER = "porter"
    TRIGRAM = "trigram"
    VECTORS = "vectors"


Weights = Mapping[Way, float]

DOCUMENTS: Final[Weights] = {Way.PORTER: 0.55, Way.TRIGRAM: 0.05, Way.VECTORS: 0.64}
CODE: Final[Weights] = {Way.PORTER: 0.55, Way.TRIGRAM: 0.15, Way.VECTORS: 0.50}
CONVERSATIONS: Final[Weights] = {Way.PORTER: 0.55, Way.TRIGRAM: 0.05, Way.VECTORS: 0.20}


def weights_of(hit: Hit) -> Weights:
    """What each way is worth for what `hit` is part of."""
    if hit.origin is DocumentOrigin.CONVERSATION:
        return CONVERSATIONS
    return CODE if hit.kind == _CODE else DOCUMENTS


def fuse(ways: Sequence[tuple[Way, Sequence[Hit]]]) -> list[Hit]:
    """All that was found, best first; a hit's score is the sum of what each way says of it."""
    scores: dict[int, float] = {}
    hits: dict[int, Hit] = {}
    for way, found in ways:
        best = max((hit.score for hit in found), default=0.0)
        for hit in found:
            worth = weights_of(hit)[way] * _value(way, hit.score, best)
            scores[hit.chunk_id] = scores.get(hit.chunk_id, 0.0) + worth
            hits.setdefault(hit.chunk_id, hit)
    order = sorted(hits, key=lambda chunk_id: (-scores[chunk_id], chunk_id))
    return [msgspec.structs.replace(hits[each], score=scores[each]) for each in order]


def _value(way: Way, score: float, best: float) -> float:
    if way is Way.TRIGRAM:  # BM25 of three letters means nothing by itself
        return score / best if best > 0.0 else 0.0
    return max(score, 0.0)
