"""Floor 5: Recall, keeps past conversations searchable, away from the path of any answer.

Rule 1: a conversation follows once a run in it has ended; the work is one task's, one at a time.
Rule 2: what lags behind, from before it was kept or after a crash, is caught up with at the start.
Rule 3: what is deleted or erased is gone at once; what is let go of by age, at the next look.
"""

import asyncio
import logging
from collections import OrderedDict
from contextlib import suppress
from typing import Final

from tailrace._clock import Clock
from tailrace.context.conversations import PastConversations
from tailrace.errors import NotFoundError, StoreError
from tailrace.settings import Settings
from tailrace.stores.base import RunRow, Store
from tailrace.stores.documents import DocumentStore
from tailrace.stores.recalling import Recalling

_log = logging.getLogger(__name__)

_STEP: Final = 100
_MOST_WAITING: Final = 10_000
_BREATH_S: Final = 0.02
_EVERY_S: Final = 3_600.0


class Recall:
    """Keeps the conversations of one home as documents."""

    def __init__(
        self, store: Store, documents: DocumentStore, settings: Settings, clock: Clock
    ) -> None:
        self._past = PastConversations(store, documents, clock)
        self._documents = documents
        self._is_wanted = settings.recall
        self._waiting: OrderedDict[int, str] = OrderedDict()
        self._keeping = asyncio.Lock()  # nothing is kept again behind the back of who erases it
        self._bell = asyncio.Event()
        self._idle = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self, recalling: Recalling) -> None:
        """Begin to keep them, if that is wanted; those of before are removed if it is not."""
        self._task = asyncio.create_task(self._work(recalling), name="recall")

    async def aclose(self) -> None:
        """Keep no more; safe to call twice."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    def ended(self, run: RunRow) -> None:
        """A run has ended; its conversation has something new."""
        if run.conversation_id is None or not self._is_wanted:
            return
        if len(self._waiting) < _MOST_WAITING:  # beyond that, the next start catches up
            self._waiting[run.conversation_id] = run.owner
        self.look()

    def look(self) -> None:
        """Look soon for what is left of conversations that are gone."""
        self._idle.clear()
        self._bell.set()

    async def forget(self, conversation_id: int, owner: str) -> None:
        """Remove at once what was kept of a conversation.

        Raises:
            StoreError: it cannot be removed.
        """
        self._waiting.pop(conversation_id, None)
        async with self._keeping:
            await self._past.forget(conversation_id, owner)

    async def again(self, conversation_id: int, owner: str) -> None:
        """Keep what is left of a conversation, of which a part was erased, and nothing of before.

        Raises:
            StoreError: it cannot be kept.
        """
        await self.forget(conversation_id, owner)
        if self._is_wanted:
            await self._keep(conversation_id, owner)

    async def settled(self) -> None:
        """Return once every conversation is as searchable as it can be."""
        await self._idle.wait()

    async def _keep(self, conversation_id: int, owner: str) -> None:
        async with self._keeping:
            await self._past.keep(conversation_id, owner)

    async def _work(self, recalling: Recalling) -> None:
        caught_up = not self._is_wanted
        while True:
            self._bell.clear()
            try:
                await self._tidy(recalling)
                if not caught_up:
                    await self._catch_up(recalling)
                    caught_up = True
                while self._waiting:
                    await self._keep(*self._waiting.popitem(last=False))
            except StoreError as error:
                _log.warning("conversations could not be kept for recall: %s", error.message)
            if not self._bell.is_set():
                self._idle.set()
            with suppress(TimeoutError):
                async with asyncio.timeout(_EVERY_S):
                    await self._bell.wait()

    async def _catch_up(self, recalling: Recalling) -> None:
        before: int | None = None
        while found := await recalling.unrecalled(before, _STEP):
            for conversation_id, owner in found:
                await self._keep(conversation_id, owner)
                await asyncio.sleep(_BREATH_S)
            before = found[-1][0]

    async def _tidy(self, recalling: Recalling) -> None:
        while found := await recalling.left_over(_STEP, everything=not self._is_wanted):
            for document_id, owner in found:
                with suppress(NotFoundError):
                    await self._documents.delete(document_id, owner)
            await asyncio.sleep(_BREATH_S)
