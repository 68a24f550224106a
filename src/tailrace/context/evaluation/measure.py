"""Floor 2: measures each way of searching, and all of them together, on a set of questions.

Rule 1: what is measured is what a search does; nothing is tuned on the way.
Rule 2: a question's figure counts as much as any other's; each figure is a mean, or a share.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from tailrace.context.evaluation import metrics
from tailrace.context.evaluation.sets import EvaluationSet, Question
from tailrace.context.fusion import Way, fuse
from tailrace.context.search import ContextIndex
from tailrace.stores.documents import Hit

FUSED: Final = "fused"
SPAN_BUDGET: Final = 4_000
_SPANS: Final = 5
_SHOWN: Final = 8

Names = dict[int, str]
"""The set's name of each document, by the store's id."""


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What one way is worth; None where the set cannot tell."""

    ndcg_10: float | None = None
    recall_3: float | None = None
    recall_5: float | None = None
    recall_10: float | None = None
    mrr_3: float | None = None
    mrr_10: float | None = None
    span_recall_5: float | None = None
    span_precision_5: float | None = None
    span_recall_budget: float | None = None
    span_precision_budget: float | None = None


class Retrieval(msgspec.Struct, frozen=True, kw_only=True):
    """What each way is worth, and all of them together."""

    questions: int
    ways: dict[str, Figures]


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What was said of a question: whether it is in the documents, and the signals for it."""

    there: bool
    relevant: bool | None
    coverage: float
    cosine: float | None
    signal: float


class Abstention(msgspec.Struct, frozen=True, kw_only=True):
    """How well it is told that nothing in the documents is about a question.

    Attributes:
        area: How often a question that is about them has the stronger signal than one that is
            not; 1.0 is perfect, 0.5 is chance.
        false_abstentions: The share of questions about them that is turned away.
        false_answers: The share of the others that is not.
        curve: For some thresholds of the signal, both shares.
    """

    about: int
    not_about: int
    area: float
    false_abstentions: float
    false_answers: float
    curve: tuple[tuple[float, float, float], ...]


async def measure_retrieval(
    index: ContextIndex, questions: Sequence[Question], names: Names, owner: str
) -> Retrieval:
    """What each way finds of what is relevant to `questions`."""
    figures: dict[str, list[Figures]] = {}
    for question in questions:
        ways = await index.ways([question.text], owner=owner)
        found: dict[str, Sequence[Hit]] = {
            way.value: fuse([each for each in ways if each[0] is way]) for way, _ in ways
        }
        found[FUSED] = fuse(ways)
        for name, hits in found.items():
            figures.setdefault(name, []).append(_figures(question, hits, names))
    order = [*(way.value for way in Way if way.value in figures), FUSED]
    means = {name: _mean(figures[name]) for name in order if name in figures}
    return Retrieval(questions=len(questions), ways=means)


async def judge_all(
    index: ContextIndex, questions: Sequence[Question], owner: str, *, there: bool
) -> list[Judged]:
    """What is said of each question, after the search that an answer begins with."""
    said: list[Judged] = []
    for question in questions:
        passages = await index.search(question.text, owner=owner, limit=_SHOWN)
        verdict = await index.judge(question.text, passages, owner=owner)
        said.append(
            Judged(
                there=there,
                relevant=verdict.relevant,
                coverage=verdict.coverage,
                cosine=verdict.cosine,
                signal=verdict.signal,
            )
        )
    return said


def abstention(judged: Sequence[Judged]) -> Abstention:
    """How well the verdicts tell what is in the documents from what is not."""
    about = [each for each in judged if each.there]
    others = [each for each in judged if not each.there]
    signals = [each.signal for each in about]
    wrong = [each.signal for each in others]
    cuts = sorted({round(each, 2) for each in (*signals, *wrong)})
    return Abstention(
        about=len(about),
        not_about=len(others),
        area=metrics.area(signals, wrong),
        false_abstentions=_share([each.relevant is False for each in about]),
        false_answers=_share([each.relevant is not False for each in others]),
        curve=tuple(
            (
                cut,
                _share([signal < cut for signal in signals]),
                _share([signal >= cut for signal in wrong]),
            )
            for cut in cuts
        ),
    )


def halves(chosen: EvaluationSet) -> tuple[set[str], list[Question], list[Question]] | None:
    """Documents to keep, questions about them, and answerable questions about the others.

    Every other title is kept; None where the set does not say what its questions are about.
    """
    titles = {each.id: each.title or each.id for each in chosen.corpus}
    asked = [each for each in chosen.questions if each.about in titles and each.answerable]
    if not asked or len({*titles.values()}) < 2:  # noqa: PLR2004 - there is nothing to halve
        return None
    kept = {*sorted({*titles.values()})[::2]}
    return (
        {id_ for id_, title in titles.items() if title in kept},
        [each for each in asked if titles[each.about] in kept],
        [each for each in asked if titles[each.about] not in kept],
    )


def _figures(question: Question, hits: Sequence[Hit], names: Names) -> Figures:
    ranking = [*dict.fromkeys(names[hit.document_id] for hit in hits)]
    relevant = question.relevant
    figures = Figures(
        ndcg_10=metrics.ndcg(ranking, relevant, 10),
        recall_3=metrics.recall(ranking, relevant, 3),
        recall_5=metrics.recall(ranking, relevant, 5),
        recall_10=metrics.recall(ranking, relevant, 10),
        mrr_3=metrics.reciprocal_rank(ranking, relevant, 3),
        mrr_10=metrics.reciprocal_rank(ranking, relevant, 10),
    )
    if not question.spans:
        return figures
    spans = [(names[hit.document_id], hit.char_start, hit.char_end) for hit in hits]
    few = spans[:_SPANS]
    budget = metrics.within_budget(spans, SPAN_BUDGET)
    return msgspec.structs.replace(
        figures,
        span_recall_5=metrics.span_recall(few, question.spans),
        span_precision_5=metrics.span_precision(few, question.spans),
        span_recall_budget=metrics.span_recall(budget, question.spans),
        span_precision_budget=metrics.span_precision(budget, question.spans),
    )


def _mean(figures: Sequence[Figures]) -> Figures:
    means: dict[str, float] = {}
    for name in Figures.__struct_fields__:
        values: list[float | None] = [getattr(each, name) for each in figures]
        known = [value for value in values if value is not None]
        if known:
            means[name] = sum(known) / len(known)
    return Figures(**means)


def _share(cases: Sequence[bool]) -> float:
    return sum(cases) / len(cases) if cases else 0.0
