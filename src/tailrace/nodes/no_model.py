"""Floor 3: what a person is told where no language model, or only a toy of one, is at hand. Pure.

Rule 1: nothing that no model wrote looks as if one had.
Rule 2: what a document says refers to nothing remote here either: see `answer_text.py`.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from tailrace.context.sentences import Span
from tailrace.nodes.answer_text import reduced
from tailrace.nodes.passages import one_line, quoted
from tailrace.nodes.targets import Targets
from tailrace.state.state import ContextItem

SMOKE_TEST_LABEL: Final = (
    "*This comes from the tiny test model, which is here to test the installation. "
    "Do not rely on it.*\n\n"
)

_SET_UP: Final = (
    "To have answers written, fetch a model with `tailrace models pull`, "
    "or set `TAILRACE_LLM_URL` to an OpenAI-compatible endpoint."
)


class Piece(NamedTuple):
    """A piece of the answer without a model.

    Attributes:
        item: The passage it shows; None where it shows none.
        shown: Where in `text` that is.
    """

    text: str
    item: ContextItem | None = None
    shown: Span = Span(0, 0)


def passages_themselves(items: Sequence[ContextItem], asked: str) -> Iterator[Piece]:
    """The answer without a model, piece by piece: the passages, labelled as such."""
    if not items:
        yield Piece(f"No language model is set up yet, so nothing can be written. {_SET_UP}")
        return
    yield Piece("No language model is set up yet, so here are the passages that match best:\n\n")
    targets = Targets(asked)
    for item in items:
        title = reduced(one_line(item.title), targets)
        text = quoted(title, reduced(item.text, targets))
        start = text.index("\n\n") + 2
        yield Piece(text, item, Span(start, len(text.rstrip())))
    yield Piece(_SET_UP)
