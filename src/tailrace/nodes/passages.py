"""Floor 3: passages as a model reads them, fenced, and as a person reads them, quoted. Pure.

Rule: a fence is a line of tildes longer than any in what it holds, so that no document can close
    it; what a document says, its title included, stands inside or on one line.
"""

import re
from collections.abc import Sequence
from typing import Final

from tailrace.llm.base import ModelInfo
from tailrace.state.state import ContextItem

EMBEDDED_PASSAGE_TOKENS: Final = 700
"""About ten seconds of reading for the embedded model on two cores, which is what people wait."""

PASSAGE_TOKENS: Final = 3_000
"""More passages add little: what answers a question is nearly always among the first five."""

EMBEDDED_EDIT_TOKENS: Final = 1_200
"""An edited text is written out again, at 15 tokens a second, and both fit a context of 4,096."""

EDIT_TOKENS: Final = 6_000
"""The edited text has to fit the limit of one answer too."""

EMBEDDED_LEAST_SCORE: Final = 0.5
LEAST_SCORE: Final = 0.25
"""Of the best score of its own search; below it a passage shares a common word and no more, and a
hundred tokens of it are two seconds of the embedded model's reading."""

SELECTION_ID: Final = "selection"

_CONTEXT_SHARE: Final = 3
_MAX_TITLE_CHARS: Final = 120
_TILDES: Final = re.compile(r"~{3,}")


def passage_budget(info: ModelInfo | None, *, editing: bool = False) -> int:
    """How many tokens of passages this model is given."""
    embedded = info is not None and info.embedded
    if editing:
        budget = EMBEDDED_EDIT_TOKENS if embedded else EDIT_TOKENS
    else:
        budget = EMBEDDED_PASSAGE_TOKENS if embedded else PASSAGE_TOKENS
    if info is not None and info.context_tokens is not None:
        budget = min(budget, info.context_tokens // _CONTEXT_SHARE)
    return budget


def least_score(info: ModelInfo | None) -> float:
    """Which share of its search's best score a passage needs, to be worth this model's reading."""
    return EMBEDDED_LEAST_SCORE if info is not None and info.embedded else LEAST_SCORE


def fenced(items: Sequence[ContextItem], name: str = "passage", *, places: bool = False) -> str:
    """The items, each between two lines of tildes, numbered; with their `places` on request."""
    fence = _fence([text for item in items for text in (item.text, item.title)])
    return "\n\n".join(
        f"{fence} {name} {number}: {one_line(item.title)}{_place(item) if places else ''}"
        f"\n{item.text}\n{fence}"
        for number, item in enumerate(items, 1)
    )


def fenced_text(name: str, text: str) -> str:
    """`text` between two lines of tildes."""
    fence = _fence([text])
    return f"{fence} {name}\n{text}\n{fence}"


def quoted(title: str, text: str) -> str:
    """`text` as a Markdown quotation under its title."""
    lines = "\n".join(f"> {line}".rstrip() for line in text.strip().splitlines())
    return f"**{title}**\n\n{lines}\n\n"


def one_line(title: str) -> str:
    """`title` on one line, of bounded length."""
    line = " ".join(title.split())
    return line if len(line) <= _MAX_TITLE_CHARS else f"{line[:_MAX_TITLE_CHARS]}…"


def _place(item: ContextItem) -> str:
    if item.id == SELECTION_ID:
        return ""
    return f" (document {item.document_id}, characters {item.char_start} to {item.char_end})"


def _fence(texts: Sequence[str]) -> str:
    longest = max((len(run) for text in texts for run in _TILDES.findall(text)), default=2)
    return "~" * (longest + 1)
