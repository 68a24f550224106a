"""Floor 2: PDF, the text of its pages, below the entries of its outline.

Rule 1: a page is read and let go of before the next one.
"""

import importlib
import re
from collections.abc import Iterator
from typing import Final, Protocol, cast

from tailrace.context.formats.draft import Draft, RefusedError
from tailrace.context.formats.magic import require_pdf

_MAX_PAGES: Final = 20_000
_MAX_OUTLINE: Final = 5_000
_MAX_DEPTH: Final = 9
_ENCRYPTED: Final = b"/Encrypt"
_PASSWORD: Final = 4  # FPDF_ERR_PASSWORD
_HYPHEN: Final = re.compile("[\ufffe\x02]\r?\n?")
_SPACES: Final = re.compile(r"[ \t]+(?=\n)")
_NO_TITLE: Final = re.compile(r"(?i)microsoft (?:word|powerpoint|excel) - |untitled|.*\.\w{2,5}$")


class _TextPage(Protocol):
    def get_text_range(self) -> str: ...

    def close(self) -> None: ...


class _Page(Protocol):
    def get_textpage(self) -> _TextPage: ...

    def close(self) -> None: ...


class _Destination(Protocol):
    def get_index(self) -> int | None: ...


class _Bookmark(Protocol):
    level: int

    def get_title(self) -> str: ...

    def get_dest(self) -> _Destination | None: ...


class _Document(Protocol):
    def __len__(self) -> int: ...

    def get_page(self, index: int) -> _Page: ...

    def get_toc(self, max_depth: int) -> Iterator[_Bookmark]: ...

    def get_metadata_value(self, key: str) -> str: ...

    def close(self) -> None: ...


class _Pdfium(Protocol):
    PdfiumError: type[Exception]

    def PdfDocument(self, input: bytes) -> _Document: ...  # noqa: A002, N802 - its own names


def pdf_draft(data: bytes) -> Draft:
    """What stands on the pages.

    Raises:
        RefusedError: it cannot be read.
    """
    require_pdf(data)
    pdfium = cast("_Pdfium", importlib.import_module("pypdfium2"))
    try:
        document = pdfium.PdfDocument(data)
    except pdfium.PdfiumError as exc:
        if getattr(exc, "err_code", None) == _PASSWORD:
            msg = "it is protected with a password"
            raise RefusedError(msg) from exc
        msg = "it is damaged or cut off: its pages cannot be found"
        raise RefusedError(msg) from exc
    try:
        return _read(document, pdfium.PdfiumError)
    finally:
        document.close()


def _read(document: _Document, error: type[Exception]) -> Draft:
    count = len(document)
    if count > _MAX_PAGES:
        msg = f"it has more than {_MAX_PAGES:,} pages"
        raise RefusedError(msg)
    draft = Draft()
    title = document.get_metadata_value("Title").strip("\0 ")
    draft.title = "" if _NO_TITLE.match(title) else title
    outline = _outline(document, error)
    unread = 0
    for number in range(count):
        draft.page()
        try:
            text = _page_text(document, number)
        except error:
            unread += 1
            continue
        _write_page(draft, text, outline.get(number, []))
    if unread == count and count:
        msg = "it is damaged: none of its pages can be read"
        raise RefusedError(msg)
    if not draft.position and count:
        msg = "it has no text: its pages are pictures"
        raise RefusedError(msg)
    return draft


def _page_text(document: _Document, number: int) -> str:
    page = document.get_page(number)
    try:
        text_page = page.get_textpage()
        try:
            text = text_page.get_text_range()
        finally:
            text_page.close()
    finally:
        page.close()
    text = _HYPHEN.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    return _SPACES.sub("", text).strip("\n")


def _outline(document: _Document, error: type[Exception]) -> dict[int, list[tuple[int, str]]]:
    """For each page, the level and title of the outline's entries that lead to it."""
    entries: dict[int, list[tuple[int, str]]] = {}
    try:
        for count, entry in enumerate(document.get_toc(max_depth=_MAX_DEPTH)):
            if count >= _MAX_OUTLINE:
                break
            destination = entry.get_dest()
            page = destination.get_index() if destination is not None else None
            title = " ".join(entry.get_title().split())
            if page is not None and title:
                entries.setdefault(page, []).append((entry.level + 1, title))
    except error:
        return {}
    return entries


def _write_page(draft: Draft, text: str, entries: list[tuple[int, str]]) -> None:
    """Add a page, cut where the titles of its outline's entries stand in it."""
    written = 0
    for level, title in entries:
        at = _line_of(text, title, written)
        if at is not None and at > written:
            draft.write(text[written:at], gap="\n\n" if not written else "\n")
            written = at
        draft.heading(level, title)
    draft.write(text[written:], gap="\n\n" if not written else "\n")


def _line_of(text: str, title: str, first: int) -> int | None:
    """Where the line starts that says `title`, however its spaces are."""
    words = title.split()[:12]
    if not words:
        return None
    pattern = re.compile(r"\s+".join(map(re.escape, words)), re.IGNORECASE)
    found = pattern.search(text, first)
    return text.rfind("\n", 0, found.start()) + 1 if found else None
