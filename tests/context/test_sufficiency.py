"""Whether what was found is about the question at all."""

import pytest

from tailrace.context.ingest import Ingest
from tailrace.context.search import ContextIndex
from tailrace.context.sufficiency import Verdict, judge
from tailrace.context.terms import terms_of
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
    assert verdict == Verdict(relevant=True, coverage=1.0, missing_terms=())


def test_a_word_that_stands_everywhere_weighs_next_to_nothing() -> None:
    statistics = TermStatistics(
        chunk_count=1_000,
        frequency={"house": 1_000, "chestnut": 2},
        found_in={"house": frozenset({1}), "chestnut": frozenset()},
    )
    verdict = judge(terms_of("house chestnut"), [], statistics)
    assert verdict == Verdict(relevant=False, coverage=0.0, missing_terms=("house", "chestnut"))
