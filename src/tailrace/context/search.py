"""Floor 2: ContextIndex, from a question to the passages that may answer it.

Rule 1: whatever a person types is searched for, and is never query syntax.
Rule 2: a passage is an exact slice of the revision it names.
Rule 3: words, parts of words and meaning are searched side by side and become one order; without
    an embedding model, or while nothing is embedded yet, the words are enough.
"""

import asyncio
import re
from collections.abc import Coroutine, Sequence
from datetime import datetime
from typing import Final, TypeVar

import msgspec

from tailrace.context.fusion import DEPTH, Way, fuse
from tailrace.context.kinds import DocumentKind
from tailrace.context.meaning import Meaning
from tailrace.context.passages import Passage, choose, passage_of
from tailrace.context.sufficiency import Verdict, judge
from tailrace.context.terms import terms_of
from tailrace.errors import NotFoundError
from tailrace.stores.documents import (
    EVERYWHERE,
    DocumentOrigin,
    DocumentStore,
    Hit,
    Leg,
    Within,
)

_T = TypeVar("_T")

_MAX_LIMIT: Final = 50
_MAX_NEIGHBOURS: Final = 10
_CODE: Final = DocumentKind.CODE.value
_MAX_TEXTS: Final = 6
_PASSAGE_ID: Final = re.compile(r"(\d{1,18})\.(\d{1,18})\.(\d{1,18})-(\d{1,18})", re.ASCII)


class ContextIndex:
    """Finds passages in the documents of a store."""

    def __init__(self, store: DocumentStore, meaning: Meaning | None = None) -> None:
        """Search `store`; by meaning too, where that is given."""
        self._store = store
        self._meaning = meaning

    async def search(
        self,
        query: str | Sequence[str],
        *,
        owner: str,
        limit: int = 8,
        document_ids: Sequence[int] | None = None,
        origins: Sequence[DocumentOrigin] | None = None,
        kinds: Sequence[str] | None = None,
        changed_after: datetime | None = None,
        changed_before: datetime | None = None,
    ) -> list[Passage]:
        """The passages that fit `query` best, best first, at most `limit` (50).

        Args:
            query: A question, or several ways to say it; what fits several of them is better.
            owner: Whose documents.
            limit: How many passages at most.
            document_ids: These documents alone; None: all.
            origins: What came here in one of these ways; None: in whatever way.
            kinds: What was read as one of these: `markdown`, `code` …; None: as whatever.
            changed_after: Files changed at or after that moment; what is no file, put then.
            changed_before: The same, before that moment.
        """
        within = Within(
            document_ids=_tuple(document_ids),
            origins=_tuple(origins),
            kinds=_tuple(kinds),
            changed_after=changed_after,
            changed_before=changed_before,
        )
        texts = ((query,) if isinstance(query, str) else tuple(query))[:_MAX_TEXTS]
        words = terms_of("\n".join(texts)).words
        hits = fuse(await self.ways(texts, owner=owner, within=within))
        chosen = await asyncio.to_thread(choose, hits, min(limit, _MAX_LIMIT))
        return [passage_of(hit, words) for hit in chosen]

    async def ways(
        self, texts: Sequence[str], *, owner: str, within: Within = EVERYWHERE, depth: int = DEPTH
    ) -> list[tuple[Way, list[Hit]]]:
        """What each way finds for each of `texts`, best first, at most `depth` passages each."""
        asked = {terms.wanted: terms for terms in map(terms_of, texts)}
        searches: list[tuple[Way, Coroutine[None, None, list[Hit]]]] = [
            (way, self._store.search(owner, terms.wanted, limit=depth, within=where, leg=leg))
            for terms in asked.values()
            for way, leg, where in _legs(within)
        ]
        if self._meaning is not None:
            searches += [
                (Way.VECTORS, self._meaning.search(text, owner=owner, limit=depth, within=within))
                for text in dict.fromkeys(texts)
            ]
        found = await asyncio.gather(*(search for _, search in searches))
        return [(way, hits) for (way, _), hits in zip(searches, found, strict=True)]

    async def neighbours(self, passage_id: str, *, owner: str, count: int = 1) -> list[Passage]:
        """Up to `count` (10) passages before that one and as many after it, in their order.

        None of a revision that is not the newest any more.

        Raises:
            NotFoundError: no passage has such an id.
        """
        match = _PASSAGE_ID.fullmatch(passage_id)
        if match is None:
            msg = f"there is no passage {passage_id[:80]!r}; take an id as a search gave it"
            raise NotFoundError(msg)
        document_id, revision, start, end = map(int, match.groups())
        many = min(count, _MAX_NEIGHBOURS)
        hits = await self._store.neighbours(document_id, revision, owner, start, end, count=many)
        return [passage_of(hit, ()) for hit in hits]

    async def judge(self, query: str, passages: Sequence[Passage], *, owner: str) -> Verdict:
        """Whether one of `passages` is about `query`."""
        terms = terms_of(query)
        chunk_ids = [passage.chunk_id for passage in passages]
        statistics = await self._store.term_statistics(owner, terms.words, chunk_ids)
        cosines: dict[int, float] = {}
        if self._meaning is not None:
            cosines = await self._meaning.cosines(query, chunk_ids)
        return judge(terms, passages, statistics, cosines)


def _legs(within: Within) -> list[tuple[Way, Leg, Within]]:
    """How words are looked for, and where: parts of them mean something in code alone."""
    legs = [(Way.PORTER, Leg.WORDS, within), (Way.TRIGRAM, Leg.UNKNOWN, within)]
    if within.kinds is None or _CODE in within.kinds:
        code = msgspec.structs.replace(within, kinds=(_CODE,))
        legs.append((Way.TRIGRAM, Leg.PARTS, code))
    return legs


def _tuple(values: Sequence[_T] | None) -> tuple[_T, ...] | None:
    return None if values is None else tuple(values)
