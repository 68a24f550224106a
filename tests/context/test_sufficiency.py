"""Whether what was found is about the question at all."""

import pytest

from tailrace.context.ingest import Ingest
from tailrace.context.passages import Passage
from tailrace.context.search import ContextIndex
from tailrace.context.sufficiency import Verdict, judge
from tailrace.context.terms import Terms, terms_of
from tailrace.stores.documents import TermStatistics


async def ask(index: ContextIndex, question: str) -> Verdict:
    passages = await index.search(question, owner="")
    return await index.judge(question, passages, owner="")


async def test_two_documents_are_enough_to_tell(ingest: Ingest, index: ContextIndex) -> None:
    await ingest.add_text("a.txt", "The boiler's pressure should be 1.2 bar.")
    await ingest.add_text("b.txt", "The plum cake takes 40 minutes in the oven.")
    assert (await ask(index, "What pressure does the boiler need?")).relevant
    assert (await ask(index, "Which minister resigned in Portugal yesterday?")).relevant is False
    both = await ask(index, "Does the boiler explode?")
    assert both.missing_terms == ("explode",)


async def test_an_empty_home_has_nothing_relevant(index: ContextIndex) -> None:
    verdict = await ask(index, "What is the rent?")
    assert verdict == Verdict(relevant=False, coverage=0.0, missing_terms=("rent",))


@pytest.mark.parametrize(
    "question",
    ["And why?", "Please explain more.", "Summarise my documents", "为什么呢", "?", ""],
)
async def test_a_question_without_a_subject_is_not_judged(
    ingest: Ingest, index: ContextIndex, question: str
) -> None:
    await ingest.add_text("a.txt", "The boiler's pressure should be 1.2 bar.")
    assert (await ask(index, question)).relevant is None


async def test_a_word_counts_in_whatever_form_it_stands(
    ingest: Ingest, index: ContextIndex
) -> None:
    await ingest.add_text("a.txt", "Heated boilers were installed.")
    verdict = await ask(index, "installing a boiler for heating")
    assert (verdict.relevant, verdict.coverage, verdict.missing_terms) == (True, 1.0, ())


def test_a_word_that_stands_everywhere_weighs_next_to_nothing() -> None:
    statistics = TermStatistics(
        chunk_count=1_000,
        frequency={"house": 1_000, "chestnut": 2},
        found_in={"house": frozenset({1}), "chestnut": frozenset()},
    )
    verdict = judge(terms_of("house chestnut"), [], statistics)
    assert verdict == Verdict(relevant=False, coverage=0.0, missing_terms=("house", "chestnut"))


def judged(coverage: float, cosines: dict[int, float] | None, chunks: int = 200) -> Verdict:
    """What is said of two passages, one of which has that share of the question's words."""
    words = tuple(f"word{number}" for number in range(100))
    covered = {*words[: round(coverage * 100)]}
    statistics = TermStatistics(
        chunk_count=chunks,
        frequency=dict.fromkeys(words, 1),
        found_in={word: frozenset({1} if word in covered else ()) for word in words},
    )
    passages = [passage(1), passage(2)]
    return judge(Terms(words, (), ()), passages, statistics, cosines)


def passage(chunk_id: int) -> Passage:
    return Passage(
        id=f"1.1.{chunk_id}-9",
        document_id=1,
        revision=1,
        title="",
        heading="",
        text="",
        snippet="",
        char_start=0,
        char_end=9,
        score=1.0,
        source="",
        chunk_id=chunk_id,
    )


def test_what_means_the_same_counts_without_a_common_word() -> None:
    assert judged(0.0, {1: 0.2, 2: 0.7}).relevant
    assert judged(0.0, {1: 0.2, 2: 0.3}).relevant is False
    assert judged(0.0, None).relevant is False


def test_words_alone_are_not_enough_where_nothing_means_anything_near() -> None:
    assert judged(0.4, None).relevant
    assert judged(0.4, {1: 0.1, 2: 0.1}).relevant is False
    assert judged(0.9, {1: 0.2, 2: 0.1}).relevant


def test_while_some_passages_are_not_embedded_words_may_still_decide() -> None:
    assert judged(0.4, {2: 0.1}).relevant
    assert judged(0.1, {2: 0.1}).relevant is False


def test_a_signal_says_how_sure_it_is() -> None:
    signals = [judged(share, {1: 0.3, 2: 0.0}).signal for share in (0.0, 0.3, 0.6)]
    assert signals == sorted(signals)
    assert [signal >= 1.0 for signal in signals] == [False, False, True]
