"""Floor 3: IngestNode, the work of a run that reads documents in.

Rule 1: it can be begun anew at any moment: what was read before is found unchanged.
Rule 2: documents are searchable as soon as they are counted so; vectors come after them.
"""

import asyncio
from pathlib import Path
from typing import ClassVar, Final

from tailrace.context.indexer import VectorIndexer
from tailrace.context.ingest import Ingest
from tailrace.context.report import IngestReport, total
from tailrace.context.web_pages import WebPages
from tailrace.events.types import NodeType, WorkflowStage
from tailrace.nodes.base import BaseNode
from tailrace.nodes.ingest_telling import Counts, IngestTelling
from tailrace.nodes.scope import RunScope
from tailrace.nodes.telling import write
from tailrace.state.state import IngestTarget, WorkflowState

_NAMED: Final = 3


class IngestNode(BaseNode):
    """Reads what a run's target names, and waits for its vectors."""

    type: ClassVar[NodeType] = NodeType.CONTEXT
    stage: ClassVar[WorkflowStage] = WorkflowStage.CONTEXT_GATHERING
    title: ClassVar[str] = "Reading documents"

    def __init__(self, ingest: Ingest, pages: WebPages, vectors: VectorIndexer) -> None:
        self._ingest = ingest
        self._pages = pages
        self._vectors = vectors

    async def process(self, state: WorkflowState, scope: RunScope) -> WorkflowState:
        """See `BaseNode.process`.

        Raises:
            NotFoundError: what was to be read is not there any more.
            InvalidRequestError: it cannot be read.
            WebPageError: a page cannot be had, or read.
        """
        owner = state.query.owner
        telling = IngestTelling(self, scope)
        await telling.tell()
        target = state.query.ingest or IngestTarget()
        report = await self._read(target, owner, telling)
        telling.counts.added, telling.counts.updated = report.added, report.updated
        await telling.rest()
        self._vectors.wake()
        if target.until_embedded:
            await self._embedded(owner, telling)
        await telling.covered(await self._vectors.coverage(owner), last=True)
        said = summary(report, telling.counts)
        await write(self, scope, said)
        await self.end(state, scope, said.splitlines()[0], metadata=telling.facts())
        return state

    async def _embedded(self, owner: str, telling: IngestTelling) -> None:
        """Return once every passage has its vector, or none is made any more."""
        settled = asyncio.create_task(self._vectors.settled())
        try:
            while not settled.done():
                await telling.covered(await self._vectors.coverage(owner))
                await asyncio.wait([settled], timeout=telling.every_s)
        finally:
            settled.cancel()
            await asyncio.wait([settled])

    async def _read(self, target: IngestTarget, owner: str, telling: IngestTelling) -> IngestReport:
        if target.path:
            path = Path(target.path)
            return await self._ingest.add_path(path, owner=owner, on_progress=telling.progress)
        if target.url:
            return await self._pages.add(target.url, owner=owner, on_progress=telling.progress)
        report = await self._ingest.rescan(owner=owner, on_progress=telling.progress)
        pages = await self._pages.refresh(owner=owner, on_progress=telling.progress)
        return total([report, *pages])


def summary(report: IngestReport, counts: Counts) -> str:
    """What came of it, for people."""
    told = {
        "added": report.added,
        "updated": report.updated,
        "unchanged": report.unchanged,
        "removed": report.removed,
        "skipped": counts.skipped,
        "failed": counts.failed,
    }
    parts = ", ".join(f"{count:,} {word}" for word, count in told.items() if count)
    lines = [f"Documents: {parts or 'nothing new'}."]
    lines += [f"- {source}: {reason}" for source, reason in report.failed[:_NAMED]]
    if len(report.failed) > _NAMED:
        lines.append(f"- and {len(report.failed) - _NAMED:,} more that failed")
    return "\n".join(lines)
