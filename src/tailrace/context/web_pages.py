"""Floor 2: WebPages, pages of the web as documents; their source is the address they were at.

Rule 1: a page whose bytes are as they were stays the document it is.
Rule 2: what the server says it is decides what it is read as; its address, where that says nothing.
"""

import codecs
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import unquote, urlsplit

import msgspec

from tailrace._clock import Clock
from tailrace.context.kinds import kind_of
from tailrace.context.pool import ParserPool
from tailrace.context.report import (
    FileOutcome,
    FileStatus,
    IngestProgress,
    IngestReport,
    OnProgress,
)
from tailrace.context.walk import FoundFile
from tailrace.context.web_fetch import FetchedPage, WebFetcher
from tailrace.errors import TailraceError, WebPageError
from tailrace.stores.documents import DocumentOrigin, DocumentStatus, DocumentStore

_SUFFIXES: Final = {
    "text/html": "html",
    "application/xhtml+xml": "html",
    "text/plain": "txt",
    "text/markdown": "md",
    "text/x-markdown": "md",
    "text/x-rst": "rst",
    "text/csv": "csv",
    "text/xml": "xml",
    "application/xml": "xml",
    "application/json": "json",
    "application/pdf": "pdf",
    "application/epub+zip": "epub",
    "message/rfc822": "eml",
    "application/x-ipynb+json": "ipynb",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "pptx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
}
_BY_ADDRESS: Final = frozenset({"", "text/plain", "application/octet-stream"})
_IS_TEXT: Final = frozenset({"html", "txt", "md", "rst", "csv", "xml", "json"})
_PAGE: Final = 200


class WebPages:
    """Reads pages into a store."""

    def __init__(
        self, store: DocumentStore, *, reader: ParserPool, fetcher: WebFetcher, clock: Clock
    ) -> None:
        self._store = store
        self._reader = reader
        self._fetcher = fetcher
        self._clock = clock

    def check(self, url: str) -> None:
        """Nothing, where a page may be fetched from `url`.

        Raises:
            InvalidRequestError: it may not.
        """
        self._fetcher.check(url)

    async def add(
        self, url: str, *, owner: str = "", on_progress: OnProgress | None = None
    ) -> IngestReport:
        """Fetch the page at `url`, and keep it, or its next revision.

        Raises:
            InvalidRequestError: it may not be fetched from there.
            WebPageError: it cannot be had, or read; the message says why.
            TailraceError: it cannot be kept.
        """
        if on_progress is not None:
            await on_progress(IngestProgress(found=1, path=url))
        try:
            report, outcome = await self._add(url, owner)
        except TailraceError as error:
            if on_progress is not None:
                failed = FileOutcome(source=url, status=FileStatus.FAILED, reason=error.message)
                await on_progress(IngestProgress(files=(failed,), path=url))
            raise
        if on_progress is not None:
            files = () if report.unchanged else (outcome,)
            progress = IngestProgress(unchanged=report.unchanged, files=files, path=outcome.source)
            await on_progress(progress)
        return report

    async def refresh(
        self, *, owner: str = "", on_progress: OnProgress | None = None
    ) -> list[IngestReport]:
        """Fetch every page again that was added; one that cannot be had stays as it is."""
        sources: list[str] = []
        while True:
            page, total = await self._store.list_documents(
                owner, limit=_PAGE, offset=len(sources), origin=DocumentOrigin.WEB
            )
            sources += [row.source for row in page]
            if not page or len(sources) >= total:
                break
        reports: list[IngestReport] = []
        for source in sources:
            try:
                reports.append(await self.add(source, owner=owner, on_progress=on_progress))
            except TailraceError as error:
                reports.append(IngestReport(failed=((source, error.message),)))
        return reports

    async def _add(self, url: str, owner: str) -> tuple[IngestReport, FileOutcome]:
        page = await self._fetcher.fetch(url)
        name = _name(page)
        data = _as_text(page) if PurePosixPath(name).suffix[1:] in _IS_TEXT else page.data
        file = FoundFile(name, len(data), 0)
        reading = await self._reader.read_bytes(owner, file, data, DocumentOrigin.WEB)
        document = reading.document
        if document.status is not DocumentStatus.SEARCHABLE:
            msg = f"{page.url} cannot be read: {document.reason}"
            raise WebPageError(msg)
        before = await self._store.find(owner, page.url)
        if before is not None and before.sha256 == document.sha256:
            outcome = FileOutcome(source=page.url, status=FileStatus.SEARCHABLE)
            return IngestReport(unchanged=1), outcome
        title = page.url if document.title == name else document.title
        kept = msgspec.structs.replace(
            document, source=page.url, title=title, size_bytes=len(page.data)
        )
        row = await self._store.put(kept, reading.chunks, self._clock.now())
        outcome = FileOutcome(
            source=page.url,
            status=FileStatus.SEARCHABLE,
            document_id=row.id,
            pieces=row.chunk_count,
        )
        report = IngestReport(
            added=before is None, updated=before is not None, document_ids=(row.id,)
        )
        return report, outcome


def _name(page: FetchedPage) -> str:
    """A name of a file that is read as the page is to be.

    Raises:
        WebPageError: it is of a type that is not read.
    """
    last = PurePosixPath(unquote(urlsplit(page.url).path)).name
    if page.content_type in _BY_ADDRESS and PurePosixPath(last).suffix and kind_of(last):
        return f"page{PurePosixPath(last).suffix.lower()}"
    suffix = _SUFFIXES.get(page.content_type)
    if suffix is None:
        msg = f"{page.url} is of type {page.content_type[:100] or 'unknown'}, which is not read"
        raise WebPageError(msg)
    return f"page.{suffix}"


def _as_text(page: FetchedPage) -> bytes:
    """The page in UTF-8 with a mark that says so, if its server told what it is in."""
    if not page.charset:
        return page.data
    try:
        text = page.data.decode(codecs.lookup(page.charset).name, "replace")
    except (LookupError, UnicodeError):  # a charset nobody knows: it is found out instead
        return page.data
    return codecs.BOM_UTF8 + text.removeprefix("\ufeff").encode("utf-8", "replace")
