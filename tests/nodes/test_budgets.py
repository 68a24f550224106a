"""What a model is told stays within its budget, in order, and exact."""

from hypothesis import given
from hypothesis import strategies as st

from tailrace.llm.base import ModelInfo
from tailrace.nodes.history import EMBEDDED_HISTORY_TOKENS, history_budget, newest_turns
from tailrace.nodes.passages import passage_budget
from tailrace.nodes.tokens import answer_tokens, estimate_tokens, leading
from tailrace.nodes.window import window
from tailrace.settings import Settings
from tailrace.state.state import Turn

EMBEDDED = ModelInfo(name="small", context_tokens=4_096, embedded=True)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=400)


@given(texts, st.integers(0, 80))
def test_leading_text_is_a_beginning_within_its_budget(text: str, tokens: int) -> None:
    head = leading(text, tokens)
    assert text.startswith(head)
    assert estimate_tokens(head) <= tokens
    assert head == text or estimate_tokens(text) > tokens


@given(texts, texts, st.integers(1, 80))
def test_a_window_is_a_slice_within_its_budget(text: str, snippet: str, tokens: int) -> None:
    start, part = window(text, snippet, tokens)
    assert text[start : start + len(part)] == part
    assert estimate_tokens(part) <= tokens


def test_a_window_holds_what_it_is_made_for() -> None:
    text = "nets and ropes\n" * 200 + "the password\nis kelp\n" + "nets and ropes\n" * 200
    assert "the password\nis kelp" in window(text, "the password is kelp nets and", 50).text


@given(st.lists(st.tuples(st.sampled_from(["user", "assistant"]), texts)), st.integers(0, 300))
def test_history_is_the_newest_in_order_and_within_its_budget(
    said: list[tuple[str, str]], budget: int
) -> None:
    history = [Turn(role, text) for role, text in said]
    kept = newest_turns(history, budget)
    spoken = [turn for turn in history if turn.content.strip()]
    whole = kept[1:] if kept and kept[0] not in spoken else kept
    assert whole == spoken[len(spoken) - len(whole) :]
    assert sum(estimate_tokens(turn.content) for turn in kept) <= budget + 1


def test_of_a_last_turn_that_is_too_long_its_beginning_is_told() -> None:
    kept = newest_turns([Turn("user", "early"), Turn("user", "word " * 500)], 50)
    assert len(kept) == 1
    assert kept[0].content.startswith("word word")
    assert kept[0].content.endswith("…")


def test_the_embedded_model_is_told_less_than_others() -> None:
    settings = Settings()
    assert history_budget(settings, EMBEDDED) == EMBEDDED_HISTORY_TOKENS
    assert history_budget(settings, ModelInfo(name="large")) == settings.history_tokens
    assert (passage_budget(EMBEDDED), passage_budget(None)) == (700, 3_000)
    assert passage_budget(EMBEDDED, editing=True) == 1_200


def test_an_answer_gets_what_the_context_leaves() -> None:
    assert answer_tokens(EMBEDDED, 1_000, 8_192) == 3_096
    assert answer_tokens(EMBEDDED, 5_000, 8_192) == 256
    assert answer_tokens(ModelInfo(name="large"), 5_000, 8_192) == 8_192
