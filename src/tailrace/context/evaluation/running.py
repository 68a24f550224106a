"""Floor 2: takes a set of questions through a home of its own: read in, searched, judged.

Rule 1: a set's documents are indexed as anybody's are: the same passages, the same vectors.
Rule 2: together must not be worse than the best way alone, by more than `TOLERANCE`, in any of
    `HELD`; a set on which it is says so.
"""

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Final

import msgspec

from tailrace.context.chunk import split
from tailrace.context.evaluation.measure import (
    FUSED,
    Abstention,
    Figures,
    Names,
    Retrieval,
    abstention,
    halves,
    judge_all,
    measure_retrieval,
)
from tailrace.context.evaluation.sets import EvaluationSet, Text
from tailrace.context.headings import Heading
from tailrace.context.indexer import VectorIndexer
from tailrace.context.search import ContextIndex
from tailrace.stores.documents import DocumentOrigin, DocumentStore, NewDocument

TOLERANCE: Final = 0.005
"""Half a point: less than one question in two hundred."""

HELD: Final = ("ndcg_10", "recall_5", "recall_10", "mrr_10", "span_recall_5", "span_recall_budget")
_WHOLE: Final = "whole"
_HALF: Final = "half"

Say = Callable[[str], None]


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """What a set of questions says of the search.

    Attributes:
        model: The embedding model; "" where words alone were searched.
        passages: How many passages the set's documents have.
        abstention: None where the set does not say what its questions are about.
        worse: Where all ways together are worse than the best of them alone.
    """

    name: str
    model: str
    documents: int
    passages: int
    retrieval: Retrieval
    abstention: Abstention | None
    tolerance: float
    worse: tuple[str, ...]


class Evaluator:
    """Evaluates in an empty home, which it fills."""

    def __init__(
        self, documents: DocumentStore, index: ContextIndex, indexer: VectorIndexer, now: datetime
    ) -> None:
        self._documents = documents
        self._index = index
        self._indexer = indexer
        self._now = now

    async def evaluate(self, chosen: EvaluationSet, say: Say, *, every: int = 1) -> Evaluation:
        """What the set says; of its questions every `every`th is asked.

        Raises:
            StoreError: the documents cannot be kept.
        """
        questions = [each for each in chosen.questions if each.relevant][::every]
        say(f"{chosen.name}: {len(chosen.corpus):,} documents, {len(questions):,} questions")
        names = await self._read(chosen.corpus, _WHOLE)
        coverage = await self._indexer.coverage(_WHOLE)
        say(f"{coverage.embedded:,} of {coverage.pieces:,} passages have a vector")
        retrieval = await measure_retrieval(self._index, questions, names, _WHOLE)
        return Evaluation(
            name=chosen.name,
            model=coverage.model,
            documents=len(chosen.corpus),
            passages=coverage.pieces,
            retrieval=retrieval,
            abstention=await self._abstention(chosen, say, every),
            tolerance=TOLERANCE,
            worse=worse_together(retrieval.ways),
        )

    async def _abstention(self, chosen: EvaluationSet, say: Say, every: int) -> Abstention | None:
        parted = halves(chosen)
        if parted is None:
            return None
        kept, about, others = parted
        say(f"{len(kept):,} documents are kept, and asked about the others too")
        await self._read([each for each in chosen.corpus if each.id in kept], _HALF)
        return abstention(
            [
                *await judge_all(self._index, about[::every], _HALF, there=True),
                *await judge_all(self._index, others[::every], _HALF, there=False),
            ]
        )

    async def _read(self, corpus: Collection[Text], owner: str) -> Names:
        """Index the documents, to the last vector."""
        names: Names = {}
        for each in corpus:
            document = NewDocument(
                owner=owner,
                source=each.id,
                title=each.title or each.id,
                kind=each.kind,
                size_bytes=len(each.text.encode()),
                mtime_ns=None,
                sha256="",
                text=each.text,
                origin=DocumentOrigin.UPLOAD,
            )
            headings = [Heading(0, 1, each.title)] if each.title else []
            row = await self._documents.put(document, split(each.text, headings), self._now)
            names[row.id] = each.id
        self._indexer.wake()
        await self._indexer.settled()
        return names


def worse_together(ways: dict[str, Figures]) -> tuple[str, ...]:
    """The figures in which all ways together are worse than the best alone, in words."""
    found: list[str] = []
    for name in HELD:
        together: float | None = getattr(ways[FUSED], name)
        alone: dict[str, float] = {
            way: value
            for way, figures in ways.items()
            if way != FUSED and (value := getattr(figures, name)) is not None
        }
        if together is None or not alone:
            continue
        best = max(alone, key=alone.__getitem__)
        if together < alone[best] - TOLERANCE:
            found.append(f"{name}: {together:.3f} together, {alone[best]:.3f} by {best} alone")
    return tuple(found)
