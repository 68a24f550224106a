"""Floor 2: PDF, the text of its pages, below the entries of its outline.

Rule 1: a page is let go of before the next one is read.
Rule 2: without an outline, lines in larger letters are the headings.
"""

import importlib
import re
from collections.abc import Iterator
from typing import Final, Protocol, cast

from tailrace.context.decode import clean
from tailrace.context.formats.draft import Draft, RefusedError
from tailrace.context.formats.magic import require_pdf
from tailrace.context.formats.pdf_headings import Line, headings_by_size

_MAX_PAGES: Final = 20_000
_MAX_OUTLINE: Final = 5_000
_MAX_DEPTH: Final = 9
_PASSWORD: Final = 4  # FPDF_ERR_PASSWORD
_TITLE_WORDS: Final = 12
_MAX_SIZED: Final = 500
_RAW_LINE: Final = re.compile("(?!\\Z)([^\r\n\ufffe]*)(?:(\ufffe\r?\n?)|\r\n|[\r\n]|\\Z)")
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


class _Raw(Protocol):
    def FPDFText_GetCharIndexFromTextIndex(self, page: _TextPage, index: int) -> int: ...  # noqa: N802 - its own name

    def FPDFText_GetFontSize(self, page: _TextPage, index: int) -> float: ...  # noqa: N802 - its own name


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
    pages = [_page_lines(document, number, error, sized=not outline) for number in range(count)]
    if count and all(page is None for page in pages):
        msg = "it is damaged: none of its pages can be read"
        raise RefusedError(msg)
    lines = [page or [] for page in pages]
    by_size = {} if outline else headings_by_size(lines)
    if not draft.title and 0 in by_size:
        draft.title = by_size[0][0][2]
    for number, page in enumerate(lines):
        draft.page()
        text = "\n".join(line.text for line in page)
        if number in outline:
            _write_page(draft, text, _placed(text, outline[number]))
        else:
            _write_page(draft, text, by_size.get(number, []))
    if not draft.position and count:
        msg = "it has no text: its pages are pictures"
        raise RefusedError(msg)
    return draft


def _page_lines(
    document: _Document, number: int, error: type[Exception], *, sized: bool
) -> list[Line] | None:
    """The lines of a page, with the size of their letters if wanted; None: it is damaged."""
    try:
        page = document.get_page(number)
        try:
            text_page = page.get_textpage()
            try:
                return _lines(text_page, sized=sized)
            finally:
                text_page.close()
        finally:
            page.close()
    except error:
        return None


def _lines(text_page: _TextPage, *, sized: bool) -> list[Line]:
    raw = cast("_Raw", importlib.import_module("pypdfium2.raw"))
    lines: list[Line] = []
    position = 0
    is_cut = False
    for found in _RAW_LINE.finditer(text_page.get_text_range()):
        text = clean(found[1]).replace("\x02", "").rstrip()
        if not text and not lines:
            continue
        size = 0.0
        if sized and text and len(lines) < _MAX_SIZED:
            at = raw.FPDFText_GetCharIndexFromTextIndex(text_page, found.start())
            size = raw.FPDFText_GetFontSize(text_page, at) if at >= 0 else 0.0
        if is_cut and lines:
            position -= 1
            lines[-1] = lines[-1]._replace(text=lines[-1].text + text)
        else:
            lines.append(Line(position, text, size))
        position += len(text) + 1
        is_cut = bool(found[2])
    while lines and not lines[-1].text:
        lines.pop()
    return lines


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


def _placed(text: str, entries: list[tuple[int, str]]) -> list[tuple[int, int, str]]:
    """Where the outline's entries stand in the text of their page; else where the last one does."""
    placed: list[tuple[int, int, str]] = []
    reached = 0
    for level, title in entries:
        reached = max(_line_of(text, title, reached), reached)
        placed.append((reached, level, title))
    return placed


def _write_page(draft: Draft, text: str, entries: list[tuple[int, int, str]]) -> None:
    """Add a page, cut where its headings stand."""
    written = 0
    for at, level, title in entries:
        if at > written:
            draft.write(text[written:at], gap="\n\n" if not written else "\n")
            written = at
        draft.heading(level, title)
    draft.write(text[written:], gap="\n\n" if not written else "\n")


def _line_of(text: str, title: str, first: int) -> int:
    """Where the line starts that says `title`, however its spaces are; -1 where there is none."""
    words = title.split()[:_TITLE_WORDS]
    pattern = re.compile(r"\s+".join(map(re.escape, words)), re.IGNORECASE)
    found = pattern.search(text, first)
    return text.rfind("\n", 0, found.start()) + 1 if found else -1
