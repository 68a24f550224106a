"""Floor 3: CitingVoice says an answer, and after each sentence what it rests on.

Rule 1: a token costs no matching; a sentence is matched once, when it has ended, and its citations
    follow its last chunk.
Rule 2: a quote that is not, to the letter, in the store's text of that revision is not cited.
Rule 3: places are code points of the answer as it was emitted.
"""

import re
from collections.abc import Sequence
from typing import Final

from tailrace.context.quotes import Quotes
from tailrace.context.sentences import Span, sentence_end, visible
from tailrace.errors import NotFoundError, RevisionTrimmedError, StoreError
from tailrace.events.event import JSON, StreamEvent
from tailrace.events.types import EventType
from tailrace.nodes.answer_text import AnswerText, Marker
from tailrace.nodes.base import BaseNode
from tailrace.nodes.judging import is_strong
from tailrace.nodes.passages import SELECTION_ID
from tailrace.nodes.refusal import is_refusal
from tailrace.nodes.scope import RunScope
from tailrace.nodes.targets import Targets
from tailrace.nodes.voice import FilteredVoice
from tailrace.state.state import ContextItem

_MAY_END: Final = re.compile(r"[.!?…。！？\n]")  # noqa: RUF001 - full-width marks are meant
_LOOK_BACK: Final = 8
_MAX_SENTENCE_CHARS: Final = 2_000
_MAX_QUOTE_CHARS: Final = 2_000
_FENCE: Final = re.compile(r"\s*(?:```|~~~)")


class CitingVoice(FilteredVoice):
    """Says an answer out of passages; made anew for each answer with `begin`."""

    def __init__(
        self, node: BaseNode, scope: RunScope, owner: str, items: Sequence[ContextItem], asked: str
    ) -> None:
        """Answer what was `asked` by `owner`; the answer numbers `items` from 1."""
        marked = bool(items) and is_strong(scope.settings, scope.llm.info)
        answer = AnswerText(Targets(asked), passages=len(items), marked=marked)
        super().__init__(node, scope, answer)
        self._owner = owner
        self._items = items
        texts = ["" if item.id == SELECTION_ID else item.text for item in items]
        self._quotes = Quotes(texts, [item.title for item in items])
        self._verified: dict[str, bool] = {}
        self._position = 0
        self._sentence = ""
        self._hints: set[int] = set()
        self._in_code = False

    async def begin(self) -> None:
        """Find out where the answer begins: after what the log has of it."""
        manager = self._scope.streaming_manager
        await manager.settled()
        self._position = manager.fold.text_length

    async def write(self, text: str) -> None:
        """See `Voice.write`."""
        await super().write(text)
        self._position += len(text)

    async def end(self) -> str:
        """See `Voice.end`; the last sentence needs no full stop."""
        said = await super().end()
        await self._close()
        return said

    async def quote(self, item: ContextItem, piece: str, shown: Span) -> None:
        """Say `piece`, of which `shown` is `item` itself."""
        start = self._position
        await self.write(piece)
        length = min(len(item.text), _MAX_QUOTE_CHARS)
        if item.id != SELECTION_ID and await self._is_verified(item):
            place = Span(start + shown.start, start + shown.end)
            await self._cite(item, Span(0, length), place)

    def _mark(self, marker: Marker) -> None:
        if self._sentence.strip():
            self._hints.update(number - 1 for number in marker.numbers)

    async def _part(self, text: str) -> None:
        while text:
            cut = self._end_in(text)
            part = text if cut is None else text[:cut]
            if part:
                await self.write(part)
                self._sentence += part
            if cut is None:
                return
            await self._close()
            text = text[cut:]

    def _end_in(self, text: str) -> int | None:
        """Where in `text` the sentence ends that is being said; None where it goes on."""
        said = self._sentence
        if len(said) + len(text) > _MAX_SENTENCE_CHARS:
            return max(0, _MAX_SENTENCE_CHARS - len(said))
        if _MAY_END.search(text) is None and not text[0].isspace():
            return None
        end = sentence_end(said + text, max(0, len(said) - _LOOK_BACK))
        return None if end is None else max(0, end - len(said))

    async def _close(self) -> None:
        """Cite what the sentence that has ended rests on."""
        said, hints = self._sentence, self._hints
        self._sentence, self._hints = "", set()
        if _FENCE.match(said):
            self._in_code = not self._in_code
        if self._in_code or said.lstrip().startswith("#") or is_refusal(said):
            return
        span = visible(said, 0, len(said))
        place = Span(*(self._position - len(said) + at for at in span))
        for quote in self._quotes.find(said[span.start : span.end], hints):
            item = self._items[quote.passage]
            if await self._is_verified(item):
                await self._cite(item, Span(*quote[1:]), place)

    async def _is_verified(self, item: ContextItem) -> bool:
        """Whether the store has that text at that place of that revision."""
        if item.id not in self._verified:
            try:
                _, text = await self._scope.documents.excerpt(
                    item.document_id, self._owner, item.char_start, item.char_end, item.revision
                )
                self._verified[item.id] = text == item.text
            except (NotFoundError, RevisionTrimmedError, StoreError):
                self._verified[item.id] = False
        return self._verified[item.id]

    async def _cite(self, item: ContextItem, quote: Span, place: Span) -> None:
        metadata: dict[str, JSON] = {
            "source_id": item.id,
            "answer_start": place.start,
            "answer_end": place.end,
            "quote": item.text[quote.start : quote.end],
            "document_id": item.document_id,
            "revision": item.revision,
            "char_start": item.char_start + quote.start,
            "char_end": item.char_start + quote.end,
        }
        if item.page is not None:
            metadata["page"] = item.page
        await self._scope.emit(
            StreamEvent(
                type=EventType.CITATION,
                timestamp=self._scope.clock.now(),
                stage=self._node.stage,
                node=self._node.type,
                metadata=metadata,
            )
        )
