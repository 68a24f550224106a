"""Figures are what they are defined to be, and our own small set is answered."""

from pathlib import Path

import msgspec
import pytest

from tailrace.cli.command_eval import evaluate_in, report
from tailrace.context.evaluation import metrics
from tailrace.context.evaluation.measure import FUSED, Figures
from tailrace.context.evaluation.running import worse_together
from tailrace.context.evaluation.sets import read_set
from tailrace.errors import InvalidRequestError, NotFoundError
from tailrace.llm.minilm.embedder import MiniLMEmbedder
from tailrace.llm.minilm.model import is_installed
from tailrace.settings import Settings

OURS = Path(__file__).with_name("evaluation_set")


def test_a_ranking_is_worth_what_trec_eval_says() -> None:
    ranking, relevant = ["a", "b", "c", "d"], {"b": 1, "d": 1, "z": 1}
    assert metrics.ndcg(ranking, relevant, 10) == pytest.approx(0.4983, abs=1e-3)
    assert metrics.recall(ranking, relevant, 3) == pytest.approx(1 / 3)
    assert metrics.reciprocal_rank(ranking, relevant, 3) == 0.5
    assert metrics.reciprocal_rank(["a"], relevant, 3) == 0.0
    assert metrics.ndcg([], {}, 10) == 0.0


def test_spans_are_counted_in_characters_and_none_twice() -> None:
    wanted = [("a", 10, 20), ("a", 15, 30)]
    assert metrics.span_recall([("a", 0, 15), ("b", 15, 30)], wanted) == 0.25
    assert metrics.span_precision([("a", 0, 15), ("a", 0, 15)], wanted) == pytest.approx(1 / 3)
    assert metrics.within_budget([("a", 0, 8), ("b", 0, 9)], 10) == [("a", 0, 8), ("b", 0, 2)]


def test_an_area_is_the_share_of_pairs_in_the_right_order() -> None:
    assert metrics.area([3, 4], [1, 2]) == 1.0
    assert metrics.area([1, 2], [1, 2]) == 0.5
    assert metrics.area([], [1]) == 0.0


def test_a_loss_by_searching_together_is_said() -> None:
    alone, together = Figures(ndcg_10=0.8, mrr_10=0.5), Figures(ndcg_10=0.7, mrr_10=0.6)
    assert worse_together({"porter": alone, FUSED: together}) == (
        "ndcg_10: 0.700 together, 0.800 by porter alone",
    )


@pytest.mark.parametrize("meaning", [False, True])
async def test_our_own_questions_are_answered(tmp_path: Path, *, meaning: bool) -> None:
    if meaning and not is_installed():
        pytest.skip("without the extra `vectors`")
    embedder = MiniLMEmbedder() if meaning else None
    found = await evaluate_in(Settings(home=tmp_path), embedder, read_set(OURS))
    if embedder is not None:
        await embedder.aclose()
    assert found.worse == ()
    figures = found.retrieval.ways[FUSED]
    assert figures.recall_3 is not None
    assert figures.recall_3 > (0.97 if meaning else 0.9)
    assert found.abstention is not None
    assert found.abstention.area > (0.97 if meaning else 0.85)
    assert "fused" in "\n".join(report(found))
    assert msgspec.json.encode(found)


def test_a_set_that_is_none_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"corpus\.jsonl"):
        read_set(tmp_path)
    (tmp_path / "corpus.jsonl").write_text('{"_id": "a", "text": "alpha"}\n{"text": 1}\n')
    with pytest.raises(InvalidRequestError, match="line 2"):
        read_set(tmp_path)
