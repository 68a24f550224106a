"""Floor 3: what a person is told where no language model, or only a toy of one, is at hand. Pure.

Rule: nothing that no model wrote looks as if one had.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from tailrace.nodes.passages import quoted
from tailrace.state.state import ContextItem

SMOKE_TEST_LABEL: Final = (
    "*This comes from the tiny test model, which is here to test the installation. "
    "Do not rely on it.*\n\n"
)

_SET_UP: Final = (
    "To have answers written, fetch a model with `tailrace models pull`, "
    "or set `TAILRACE_LLM_URL` to an OpenAI-compatible endpoint."
)


def passages_themselves(items: Sequence[ContextItem]) -> Iterator[str]:
    """The answer without a model, piece by piece: the passages, labelled as such."""
    if not items:
        yield f"No language model is set up yet, so nothing can be written. {_SET_UP}"
        return
    yield "No language model is set up yet, so here are the passages that match best:\n\n"
    for item in items:
        yield quoted(item)
    yield _SET_UP
