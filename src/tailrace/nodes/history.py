"""Floor 3: how much of the conversation a model is told. Pure.

Rule: what is told is in order, is the newest, and stays within its budget.
"""

from collections.abc import Sequence
from typing import Final

from tailrace.llm.base import ModelInfo
from tailrace.nodes.tokens import estimate_tokens, leading
from tailrace.settings import Settings
from tailrace.state.state import Query, Turn

EMBEDDED_HISTORY_TOKENS: Final = 400
"""The embedded model reads about 70 tokens a second on two cores, and history stands behind the
passages, where the prefix cache seldom reaches: 400 are six seconds more."""

_TURN_TOKENS: Final = 4


def history_budget(settings: Settings, info: ModelInfo | None) -> int:
    """How many tokens of history this model is told."""
    if info is not None and info.embedded:
        return min(settings.history_tokens, EMBEDDED_HISTORY_TOKENS)
    return settings.history_tokens


def question_of(query: Query) -> str:
    """The question, with what was asked back and answered: one text, so that no budget parts it."""
    asked_back = [line for each in query.inputs for line in (f"({each.question})", each.text)]
    return "\n".join([query.text, *asked_back])


def newest_turns(history: Sequence[Turn], budget_tokens: int) -> list[Turn]:
    """The newest turns that fit, oldest first; of a newest turn that is too long, its beginning.

    A part never begins with an answer whose question is left out.
    """
    kept: list[Turn] = []
    left = budget_tokens
    for turn in reversed(history):
        if not turn.content.strip():
            continue
        tokens = _TURN_TOKENS + estimate_tokens(turn.content)
        if tokens > left:
            text = "" if kept else leading(turn.content, left - _TURN_TOKENS)
            if text:
                kept.append(Turn(turn.role, f"{text} …"))
            break
        kept.append(turn)
        left -= tokens
    kept.reverse()
    while len(kept) > 1 and kept[0].role != "user":
        del kept[0]
    return kept
