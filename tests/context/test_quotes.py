"""What a sentence of an answer rests on, and what rests on nothing."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.context.quotes import Quotes
from tailrace.context.sentences import sentence_end, spans

PLAN = (
    "The budget of the lighthouse is 4,200 crowns. The keeper is Maren Holt.\n\n"
    "- Paint: white\n- Opened in 1902, after a long dispute with the board of the harbour\n"
    "  and its Café"
)
FISH = "Herring is salted in barrels; the salt comes from the south."
TRAIN = "锅炉的压力应在一点二巴以上。火车七点出发。"
TEXTS = [PLAN, FISH, TRAIN]
BUDGET = "The budget of the lighthouse is 4,200 crowns."
KEEPER = "The keeper is Maren Holt."
QUOTES = Quotes(TEXTS, ["plan.md", "fish.md", "train.txt"])


def quoted(sentence: str, *hints: int) -> list[str]:
    return [TEXTS[quote.passage][quote.start : quote.end] for quote in QUOTES.find(sentence, hints)]


@pytest.mark.parametrize(
    ("sentence", "quotes"),
    [
        ("The budget is 4,200 crowns.", [BUDGET]),
        ("the BUDGET of the lighthouse is **4200** crowns", [BUDGET]),
        ("Its budget: 4.200 crowns.", [BUDGET]),
        ("4,200", [BUDGET]),
        ("Maren Holt is the keeper.", [KEEPER]),
        ("Maren Holt looks after the lighthouse.", [f"{BUDGET} {KEEPER}"]),
        ("The salt comes from the south, and the budget is 4,200 crowns.", [BUDGET, FISH]),
        ("Herrings are salted in a barrel.", [FISH]),
        ("锅炉压力应在一点二巴以上。", ["锅炉的压力应在一点二巴以上。"]),
        ("火车七点出发。", ["火车七点出发。"]),
    ],
)
def test_a_sentence_rests_on_the_words_that_say_it(sentence: str, quotes: list[str]) -> None:
    assert sorted(quoted(sentence)) == sorted(quotes)


def test_a_sentence_over_two_lines_is_quoted_whole() -> None:
    quote = "Opened in 1902, after a long dispute with the board of the harbour\n  and its Café"
    assert quoted("It opened in 1902 after a dispute with the harbour board and its cafe.") == [
        quote
    ]


@pytest.mark.parametrize(
    "sentence",
    [
        "",
        "Yes.",
        "The budget",
        "The weather is nice today.",
        "Volcanic ash cools the monsoon for a year or two.",
        "The budget is 9,000 crowns.",
        "The budget is 4,200 crowns for 3 years.",
        "The keeper of the lighthouse is Olaf Berg.",
        "The budget of the lighthouse was cut by a ministry in spring.",
        "Here is what I found in the documents:",
        "I could not find this in your documents.",
        "火车八点出发。",
        "天气很好。",
    ],
)
@pytest.mark.parametrize("hints", [(), (0,), (0, 1, 2)])
def test_what_rests_on_nothing_is_cited_nowhere(sentence: str, hints: tuple[int, ...]) -> None:
    assert quoted(sentence, *hints) == []


def test_a_hint_helps_where_the_words_are_others_and_decides_where_several_passages_fit() -> None:
    loose = "Called Maren Holt by people, she sees to everything on it."
    assert quoted(loose) == []
    assert quoted(loose, 0) == [KEEPER]
    same = Quotes(["Rye needs salt and water.", "Rye needs salt and water."], ["a", "b"])
    assert [quote.passage for quote in same.find("Rye needs salt and water.")] == [0]
    assert [quote.passage for quote in same.find("Rye needs salt and water.", {1})] == [1]


def test_a_language_that_writes_nouns_with_capitals_needs_not_every_noun() -> None:
    german = Quotes(["Der Haushalt des Leuchtturms beträgt 4.200 Kronen im Jahr."], ["plan"])
    said = "Für den Leuchtturm beträgt der Haushalt laut Plan 4.200 Kronen im Jahr."
    assert [quote.passage for quote in german.find(said)] == [0]


@given(st.text(max_size=300))
def test_a_span_is_a_visible_slice_in_order(text: str) -> None:
    found = spans(text)
    assert all(text[start:end] == text[start:end].strip() != "" for start, end in found)
    assert all(one.end <= other.start for one, other in pairwise(found))


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("It is 4.200 and", None),
        ("It is so.", None),
        ("It is so. And", 9),
        ('He said "no." Then', 13),
        ("See e.g. the plan", None),
        ("Dr. Holt came", None),
        ("1. Item", None),
        ("多。少", 2),
        ("a line\nanother", 7),
    ],
)
def test_a_sentence_ends_where_that_is_sure(text: str, end: int | None) -> None:
    assert sentence_end(text) == end
