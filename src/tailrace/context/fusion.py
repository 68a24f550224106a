"""Floor 2: how several ways to find passages become one order; pure.

Rule 1: only ranks are added up (reciprocal rank fusion): scores of different ways do not compare.
Rule 2: what a way is worth depends on what was searched, but words weigh the same everywhere, so
    that no kind of source is favoured where words are all there is. The weights were chosen by
    measuring: docs/evaluation.md.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final

import msgspec

from tailrace.context.kinds import DocumentKind
from tailrace.stores.documents import DocumentOrigin, Hit

DEPTH: Final = 100
"""So many passages of each way are looked at."""

_RANK_OFFSET: Final = 60
_CODE: Final = DocumentKind.CODE.value


class Way(StrEnum):
    """A way to find passages."""

    PORTER = "porter"
    TRIGRAM = "trigram"
    VECTORS = "vectors"


Weights = Mapping[Way, float]

DOCUMENTS: Final[Weights] = {Way.PORTER: 1.0, Way.TRIGRAM: 0.5, Way.VECTORS: 0.75}
CODE: Final[Weights] = {Way.PORTER: 1.0, Way.TRIGRAM: 0.5, Way.VECTORS: 0.5}
CONVERSATIONS: Final[Weights] = {Way.PORTER: 1.0, Way.TRIGRAM: 0.25, Way.VECTORS: 0.15}


def weights_of(hit: Hit) -> Weights:
    """What each way is worth for what `hit` is part of."""
    if hit.origin is DocumentOrigin.CONVERSATION:
        return CONVERSATIONS
    return CODE if hit.kind == _CODE else DOCUMENTS


def fuse(ways: Sequence[tuple[Way, Sequence[Hit]]]) -> list[Hit]:
    """All that was found, best first; a hit's score is the sum of what its ranks are worth."""
    scores: dict[int, float] = {}
    hits: dict[int, Hit] = {}
    for way, found in ways:
        for rank, hit in enumerate(found, start=1):
            worth = weights_of(hit)[way] / (_RANK_OFFSET + rank)
            scores[hit.chunk_id] = scores.get(hit.chunk_id, 0.0) + worth
            hits.setdefault(hit.chunk_id, hit)
    order = sorted(hits, key=lambda chunk_id: (-scores[chunk_id], chunk_id))
    return [msgspec.structs.replace(hits[each], score=scores[each]) for each in order]
