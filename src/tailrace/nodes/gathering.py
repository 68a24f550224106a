"""Floor 3: Gathering, the passages of one run as they are found and kept within their budget.

Rule 1: a passage is kept once, however often it is found.
Rule 2: what is kept is an exact slice of the revision it names; of a passage that is too long,
    the part about the question is kept.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from tailrace.context.passages import Passage
from tailrace.context.quotes import shared
from tailrace.context.sufficiency import Verdict
from tailrace.events.event import JSON
from tailrace.nodes.scope import RunScope
from tailrace.nodes.tokens import estimate_tokens, leading
from tailrace.nodes.tools import without_own
from tailrace.nodes.window import window
from tailrace.state.state import ContextItem, Query

_LEAST_TOKENS: Final = 40
"""Less than that of a passage is not worth reading."""

_PASSAGE_SHARE: Final = 0.5
"""Of the whole budget, for one passage that was searched for: two voices rather than one."""

_SEARCH_LIMIT: Final = 8

_FLOOR: Final = 0.5
"""Of the least share, for the whole score: one search's best may be near nothing at all."""
_SNIPPET_CHARS: Final = 280


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A passage that was kept, and how it is shown."""

    item: ContextItem
    snippet: str

    def source(self) -> dict[str, JSON]:
        """The passage as the metadata of a `source` event."""
        item = self.item
        metadata: dict[str, JSON] = {
            "id": item.id,
            "document_id": item.document_id,
            "revision": item.revision,
            "title": item.title,
            "snippet": self.snippet,
            "char_start": item.char_start,
            "char_end": item.char_end,
            "score": item.score,
        }
        if item.page is not None:
            metadata["page"] = item.page
        return metadata


class Gathering:
    """What was found for one question, best first.

    Attributes:
        items: What is kept.
        left_tokens: How much more fits.
    """

    def __init__(self, query: Query, scope: RunScope, budget_tokens: int, least: float) -> None:
        """Gather for `query`.

        Args:
            query: What was asked.
            scope: The run.
            budget_tokens: How much is kept.
            least: Which share a passage needs of what the best of its search has of the words.
        """
        self.items: list[ContextItem] = []
        self.left_tokens = budget_tokens
        self._passage_tokens = round(budget_tokens * _PASSAGE_SHARE)
        self._query = query
        self._scope = scope
        self._least = least
        self._best = 0.0
        self._passages: dict[str, Passage] = {}

    async def search(self, texts: Sequence[str]) -> int:
        """Look for each of `texts` in all documents; how many passages are new."""
        new: dict[str, Passage] = {}
        for text in texts:
            found = await self._scope.context.search(
                text, owner=self._query.owner, limit=_SEARCH_LIMIT
            )
            new |= self._worth(without_own(found, self._query), text, new)
        self._passages = new | self._passages  # the newest first: a verdict reads only a few
        return len(new)

    def add(self, found: Sequence[Passage], text: str) -> None:
        """Take in what a tool has found for `text`; "" where it was not searched for."""
        self._passages = self._worth(found, text, {}) | self._passages

    def make_room(self, tokens: int) -> None:
        """Let so much more be kept, for what is looked for now that something is missing."""
        self.left_tokens += tokens

    def keep_read(self, item: ContextItem) -> list[Found]:
        """Keep a piece of a document that was read, where some of it is new and fits."""
        end = max((each.char_end for each in self.items if _is_over(each, item)), default=0)
        if end >= item.char_end or self.left_tokens < _LEAST_TOKENS:
            return []
        kept = self.keep_item(item)
        snippet = " ".join(item.text[:_SNIPPET_CHARS].split())
        return [] if kept is None else [Found(item=kept, snippet=snippet)]

    def _worth(
        self, found: Sequence[Passage], text: str, besides: Mapping[str, Passage]
    ) -> dict[str, Passage]:
        """What of one search's passages is new, and near enough its best, and that of all."""
        if text:
            self._best = max([self._best, *(each.score for each in found)])
        floor = _FLOOR * self._least * self._best if text else 0.0
        shares = shared(text, [f"{each.title}\n{each.heading}\n{each.text}" for each in found])
        least = self._least * max(shares, default=0.0)
        return {
            each.id: each
            for each, share in zip(found, shares, strict=True)
            if (share == 0.0 or share >= least)  # none: found by its meaning, or by parts of words
            and each.score >= floor
            and each.id not in self._passages
            and each.id not in besides
        }

    async def judge(self, texts: Sequence[str]) -> Verdict:
        """Whether anything found is about one of `texts`; the most favourable verdict.

        A question whose words cannot tell is better than one that nothing is about.
        """
        passages = [*self._passages.values()]
        verdicts = [
            await self._scope.context.judge(text, passages, owner=self._query.owner)
            for text in texts
        ]
        return max(verdicts, key=_favour)

    def keep(self, share: float = 1.0) -> list[Found]:
        """Keep what is found and not kept yet, in `share` of the room that is left."""
        reserve = round(self.left_tokens * (1.0 - share))
        kept: list[Found] = []
        for passage in self._passages.values():
            if self._overlaps(passage):
                continue
            found = self.keep_passage(passage, reserve_tokens=reserve)
            if found is not None:
                kept.append(found)
        return kept

    def keep_passage(
        self, passage: Passage, *, first_rank: bool = False, reserve_tokens: int = 0
    ) -> Found | None:
        """Keep `passage`, or the part of it that is about the question; None where nothing fits."""
        room = min(self._passage_tokens, self.left_tokens - reserve_tokens)
        if room < _LEAST_TOKENS:
            return None
        part = window(passage.text, passage.snippet, room)
        start = passage.char_start + part.start
        end = start + len(part.text)
        item = self.keep_item(
            ContextItem(
                id=f"{passage.document_id}.{passage.revision}.{start}-{end}",
                document_id=passage.document_id,
                revision=passage.revision,
                title=passage.title,
                text=part.text,
                char_start=start,
                char_end=end,
                score=passage.score,
                page=passage.page,
                first_rank=first_rank,
            )
        )
        return item and Found(item=item, snippet=passage.snippet)

    def keep_item(self, item: ContextItem) -> ContextItem | None:
        """Keep `item`, or as much of its beginning as fits; None where nothing does."""
        tokens = estimate_tokens(item.text)
        if tokens > self.left_tokens:
            if self.left_tokens < _LEAST_TOKENS:
                return None
            text = leading(item.text, self.left_tokens)
            item = msgspec.structs.replace(item, text=text, char_end=item.char_start + len(text))
            tokens = estimate_tokens(text)
        self.items.append(item)
        self.left_tokens -= tokens
        return item

    def _overlaps(self, passage: Passage) -> bool:
        """Whether some of `passage` is kept already."""
        return any(
            item.document_id == passage.document_id
            and item.revision == passage.revision
            and max(item.char_start, passage.char_start) < min(item.char_end, passage.char_end)
            for item in self.items
        )


def _is_over(kept: ContextItem, item: ContextItem) -> bool:
    """Whether `kept` begins at or before `item`, in the same text, and goes into it."""
    return (
        kept.document_id == item.document_id
        and kept.revision == item.revision
        and kept.char_start <= item.char_start < kept.char_end
    )


def _favour(verdict: Verdict) -> tuple[int, float]:
    rank = {True: 2, None: 1, False: 0}
    return rank[verdict.relevant], verdict.coverage
