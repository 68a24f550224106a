"""Passages: fenced for a model, quoted for a person; refusals recognised."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.nodes.passages import fenced, quoted
from tailrace.nodes.refusal import REFUSAL, is_refusal
from tailrace.state.state import ContextItem


def _item(text: str, title: str = "plan.md") -> ContextItem:
    return ContextItem(
        id="1.1.0-1",
        document_id=1,
        revision=1,
        title=title,
        text=text,
        char_start=0,
        char_end=len(text),
        score=1.0,
    )


def test_passages_are_numbered_and_stand_between_tildes() -> None:
    told = fenced([_item("one"), _item("two", "a\ntitle")])
    assert told == "~~~ passage 1: plan.md\none\n~~~\n\n~~~ passage 2: a title\ntwo\n~~~"


@given(st.lists(st.text("~a \n", max_size=30), min_size=1, max_size=4), st.text("~a \n"))
def test_no_passage_can_close_its_fence(texts: list[str], title: str) -> None:
    told = fenced([_item(text, title) for text in texts])
    fence = told.split(" ", 1)[0]
    assert set(fence) == {"~"}
    assert told.count(fence) == 2 * len(texts)


def test_a_quotation_keeps_every_line() -> None:
    assert quoted("plan.md", "one\n\n> two\n") == "**plan.md**\n\n> one\n>\n> > two\n\n"


@pytest.mark.parametrize("text", [REFUSAL, f"{REFUSAL}\n", f'"{REFUSAL}"', REFUSAL.upper()])
def test_the_sentence_alone_is_a_refusal(text: str) -> None:
    assert is_refusal(text)


@pytest.mark.parametrize("text", ["", f"{REFUSAL} But it may be 7.", f"No. {REFUSAL}"])
def test_the_sentence_with_more_is_an_answer(text: str) -> None:
    assert not is_refusal(text)
