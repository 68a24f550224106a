"""Floor 2: ContextIndex, from a question to the passages that may answer it.

Rule 1: whatever a person types is searched for, and is never query syntax.
Rule 2: a passage is an exact slice of the revision it names.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final, TypeVar

from tailrace.context.passages import Passage, choose, passage_of
from tailrace.context.sufficiency import Verdict, judge
from tailrace.context.terms import terms_of
from tailrace.errors import NotFoundError
from tailrace.stores.documents import DocumentOrigin, DocumentStore, Within

_T = TypeVar("_T")

_MAX_LIMIT: Final = 50
_MAX_NEIGHBOURS: Final = 10
_HITS_A_PASSAGE: Final = 5
_PASSAGE_ID: Final = re.compile(r"(\d{1,18})\.(\d{1,18})\.(\d{1,18})-(\d{1,18})", re.ASCII)


class ContextIndex:
    """Finds passages in the documents of a store."""

    def __init__(self, store: DocumentStore) -> None:
        self._store = store

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
        terms = terms_of(query if isinstance(query, str) else "\n".join(query))
        count = min(limit, _MAX_LIMIT)
        hits = await self._store.search(
            owner, terms.wanted, limit=count * _HITS_A_PASSAGE, within=within
        )
        return [passage_of(hit, terms.words) for hit in choose(hits, count)]

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
        return judge(terms, passages, statistics)


def _tuple(values: Sequence[_T] | None) -> tuple[_T, ...] | None:
    return None if values is None else tuple(values)
