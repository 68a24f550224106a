"""Floor 3: what a model says is missing, and what we make of it. Pure but for `ask`.

Rule 1: the verdict is ours: a need is met where the model names a passage that there is, and all
    needs together are met where each is.
Rule 2: what is not as asked changes nothing: it is no judgement, neither good nor bad.
Rule 3: only this reply makes calls; what a passage says is fenced, and asks for nothing.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple

from tailrace.events.event import JSON
from tailrace.llm.base import LLMClient, LLMRequest, ModelInfo, Usage, Wait
from tailrace.nodes.passages import fenced, fenced_text
from tailrace.nodes.prompt import Prompt
from tailrace.nodes.tools import NAMES
from tailrace.settings import Settings
from tailrace.state.state import ContextItem, Sufficiency

MAX_CALLS: Final = 4
MAX_FACETS: Final = 12
REPLY_TOKENS: Final = 700
_MAX_TRIED: Final = 12

_TEXT: Final[dict[str, JSON]] = {"type": "string"}
_NUMBER: Final[dict[str, JSON]] = {"type": "integer"}


def _object(properties: dict[str, JSON]) -> dict[str, JSON]:
    return {
        "type": "object",
        "properties": properties,
        "required": [*properties],
        "additionalProperties": False,
    }


_FACET: Final = _object({"need": _TEXT, "evidence": {"type": "array", "items": _NUMBER}})
_CALL: Final = _object(
    {
        "tool": {"type": "string", "enum": [*NAMES]},
        "query": _TEXT,
        "document_id": _NUMBER,
        "start": _NUMBER,
        "passage": _NUMBER,
    }
)
_SCHEMA: Final = _object(
    {
        "facets": {"type": "array", "items": _FACET},
        "calls": {"type": "array", "items": _CALL},
    }
)


class Asked(NamedTuple):
    """What a model is to judge.

    Attributes:
        question: What was asked.
        items: The passages there are.
        lists: Titles of documents that were looked up; "" where none were.
        tried: What was searched for already.
    """

    question: str
    items: Sequence[ContextItem]
    lists: str
    tried: Sequence[str]


class Judgement(NamedTuple):
    """What a model said.

    Attributes:
        needs: What the answer needs.
        met: How many of them have a passage.
        calls: What it wants looked up, as it said it; each is still to be checked.
    """

    needs: tuple[str, ...]
    met: int
    calls: tuple[dict[str, JSON], ...]

    @property
    def verdict(self) -> Sufficiency:
        """Whether the passages are enough."""
        if self.met == len(self.needs):
            return Sufficiency.SUFFICIENT
        return Sufficiency.PARTIAL if self.met else Sufficiency.INSUFFICIENT


def is_strong(settings: Settings, info: ModelInfo | None) -> bool:
    """Whether this model may judge: what its settings say, else one that is not embedded here.

    Measured: a model small enough to run beside everything else finds anything sufficient.
    """
    if info is None or info.smoke_test_only:
        return False
    return settings.model_class == "strong" or (not settings.model_class and not info.embedded)


def request_for(asked: Asked) -> LLMRequest:
    """What a model is told, to judge."""
    tried = [f"- {each}" for each in asked.tried[-_MAX_TRIED:]]
    values = {
        "passages": fenced(asked.items, places=True),
        "lists": fenced_text("documents", asked.lists) if asked.lists else "",
        "tried": "\n".join(["Searched for already:", *tried]),
        "question": asked.question,
    }
    messages = Prompt.load("judge").messages(values)
    return LLMRequest(messages=messages, max_tokens=REPLY_TOKENS, temperature=0.0, schema=_SCHEMA)


async def ask(
    llm: LLMClient, request: LLMRequest, on_wait: Callable[[Wait], Awaitable[None]], passages: int
) -> tuple[Judgement | None, Usage]:
    """The judgement over so many passages; None where it is not as asked, or empty.

    Raises:
        ModelError: as `LLMClient.complete_json`.
    """
    reply, usage = await llm.complete_json(request, on_wait)
    return read(reply, passages), usage


def read(reply: dict[str, JSON], passages: int) -> Judgement | None:
    """The judgement that `reply` states; None where it is not as asked, or empty."""
    facets, calls = reply.get("facets"), reply.get("calls")
    if not isinstance(facets, list) or not isinstance(calls, list) or not facets:
        return None
    needs: list[str] = []
    met = 0
    for facet in facets[:MAX_FACETS]:
        need = facet.get("need") if isinstance(facet, dict) else None
        evidence = facet.get("evidence") if isinstance(facet, dict) else None
        if not isinstance(need, str) or not need.strip() or not isinstance(evidence, list):
            return None
        needs.append(need.strip())
        met += any(_is_number(each, passages) for each in evidence)
    wanted = [call for call in calls[:MAX_CALLS] if isinstance(call, dict)]
    return Judgement(tuple(needs), met, tuple(wanted))


def _is_number(value: JSON, passages: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= passages
