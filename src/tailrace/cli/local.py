"""Floor 7: LocalDoor, the home opened by this process, for as long as the command runs."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final

import msgspec

from tailrace.agent import ChatRequest, ContextAgent, IngestRequest, erasing, ingesting
from tailrace.cli.door import (
    CoverageView,
    DocumentView,
    Question,
    RunView,
    is_within,
    names_of,
)
from tailrace.errors import NotFoundError
from tailrace.events.event import Cursor, StreamEvent
from tailrace.events.types import RunKind
from tailrace.settings import Settings
from tailrace.state.state import IngestTarget
from tailrace.stores.base import RunRow
from tailrace.stores.documents import DocumentRow
from tailrace.stores.retention import Trimmed

_PAGE: Final = 500


class LocalDoor:
    """The runs and documents of a home that this process has locked."""

    url = ""

    def __init__(self, agent: ContextAgent) -> None:
        self._agent = agent

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: Settings) -> AsyncGenerator["LocalDoor", None]:
        """The door of `settings.home`.

        Raises:
            HomeLockedError: another process has it.
            StoreError: it cannot be used.
        """
        async with ContextAgent.open(settings) as agent:
            yield cls(agent)

    async def start(self, question: Question) -> str:
        """See `Door.start`; what changed in the folders is read first."""
        await self._agent.catch_up()
        request = ChatRequest(
            query=question.text,
            conversation_id=question.conversation_id,
            interactive=question.interactive,
        )
        run = await self._agent.start(request)
        return run.run_id

    def follow(self, run_id: str, after: Cursor | None = None) -> AsyncGenerator[StreamEvent, None]:
        """See `Door.follow`."""
        return self._agent.watch(run_id, after=after)

    async def answer(self, run_id: str, request_id: str, text: str) -> None:
        """See `Door.answer`."""
        await self._agent.resume(run_id, text, request_id=request_id)

    async def cancel(self, run_id: str) -> RunView:
        """See `Door.cancel`."""
        return _run_view(await self._agent.cancel(run_id))

    async def get_run(self, run_id: str) -> RunView:
        """See `Door.get_run`."""
        return _run_view(await self._agent.parts.store.get_run(run_id, ""))

    async def snapshot(self, run_id: str) -> StreamEvent:
        """See `Door.snapshot`."""
        run = await self._agent.parts.store.get_run(run_id, "")
        return (await self._agent.snapshot(run)).event

    async def list_runs(self, limit: int, kind: RunKind | None) -> list[RunView]:
        """See `Door.list_runs`."""
        runs = await self._agent.parts.store.list_runs("", limit, None, kind)
        return [_run_view(run) for run in runs]

    async def prune(self, older_than: timedelta, *, dry_run: bool) -> Trimmed:
        """See `Door.prune`."""
        return await erasing.prune(self._agent, older_than, dry_run=dry_run)

    async def erase_run(self, run_id: str) -> None:
        """See `Door.erase_run`."""
        await erasing.erase_run(self._agent, run_id)
        await erasing.wipe(self._agent)

    async def erase_conversation(self, conversation_id: int) -> None:
        """See `Door.erase_conversation`."""
        await erasing.erase_conversation(self._agent, conversation_id)
        await erasing.wipe(self._agent)

    async def ingest(self, target: IngestTarget) -> str:
        """See `Door.ingest`."""
        return (await ingesting.start(self._agent, IngestRequest(target=target))).run_id

    async def coverage(self) -> CoverageView:
        """See `Door.coverage`."""
        parts = self._agent.parts
        vectors = await parts.indexer.coverage("")
        counts = await parts.documents.counts("", vectors.model)
        return CoverageView(
            documents=counts.searchable + counts.skipped + counts.failed,
            searchable=counts.searchable,
            embedded=counts.embedded,
            skipped=counts.skipped,
            failed=counts.failed,
            pieces=counts.pieces,
            pieces_embedded=vectors.embedded,
            model=vectors.model,
            state=vectors.state,
            folders=self._agent.watching.state,
        )

    async def list_documents(self) -> list[DocumentView]:
        """See `Door.list_documents`."""
        parts = self._agent.parts
        model = (await parts.indexer.coverage("")).model
        documents: list[DocumentView] = []
        while True:
            page, total = await parts.documents.list_documents(
                "", limit=_PAGE, offset=len(documents)
            )
            ids = [document.id for document in page]
            embedded = await parts.documents.embedded("", ids, model)
            documents += [_document_view(each, each.id in embedded) for each in page]
            if not page or len(documents) >= total:
                return documents

    async def remove_document(self, target: str) -> int:
        """See `Door.remove_document`.

        Raises:
            NotFoundError: there is none.
        """
        ingest = self._agent.parts.ingest
        if target.isascii() and target.isdecimal():
            await ingest.remove(int(target))
            return 1
        try:
            return await ingest.forget_path(Path(target))
        except NotFoundError:
            names = {target, *names_of(target)}
            found = [each for each in await self.list_documents() if is_within(each.source, names)]
            if not found:
                raise
        for document in found:
            await ingest.remove(document.id)
        return len(found)


def _run_view(run: RunRow) -> RunView:
    return msgspec.convert(run, RunView, from_attributes=True)


def _document_view(document: DocumentRow, is_embedded: bool) -> DocumentView:  # noqa: FBT001 - both are told of each
    view = msgspec.convert(document, DocumentView, from_attributes=True)
    return msgspec.structs.replace(view, status="embedded") if is_embedded else view
