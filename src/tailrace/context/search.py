"""Floor 2: ContextIndex, from a question to the passages that may answer it.

Rule 1: whatever a person types is searched for, and is never query syntax.
Rule 2: a passage is an exact slice of the revision it names.
"""

from collections.abc import Sequence
from typing import Final

from tailrace.context.passages import Passage, choose, passage_of
from tailrace.context.sufficiency import Verdict, judge
from tailrace.context.terms import terms_of
from tailrace.stores.documents import DocumentStore

_MAX_LIMIT: Final = 50
_HITS_A_PASSAGE: Final = 5


class ContextIndex:
    """Finds passages in the documents of a store."""

    def __init__(self, store: DocumentStore) -> None:
        self._store = store

    async def search(
        self,
        query: str,
        *,
        owner: str,
        limit: int = 8,
        document_ids: Sequence[int] | None = None,
    ) -> list[Passage]:
        """The passages that fit `query` best, best first, at most `limit` (50)."""
        terms = terms_of(query)
        count = min(limit, _MAX_LIMIT)
        hits = await self._store.search(
            owner, terms.wanted, limit=count * _HITS_A_PASSAGE, document_ids=document_ids
        )
        return [passage_of(hit, terms.words) for hit in choose(hits, count)]

    async def judge(self, query: str, passages: Sequence[Passage], *, owner: str) -> Verdict:
        """Whether one of `passages` is about `query`."""
        terms = terms_of(query)
        chunk_ids = [passage.chunk_id for passage in passages]
        statistics = await self._store.term_statistics(owner, terms.words, chunk_ids)
        return judge(terms, passages, statistics)
