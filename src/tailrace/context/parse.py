"""Floor 2: parse, from a file's name and bytes to its text, title, headings and pages.

Rule 1: pure: nothing is opened, fetched or run, and whatever the bytes are, it answers.
Rule 2: `text` is final: every position ever told counts its characters.
Rule 3: an optional library is loaded when a file of its format is read.
"""

import logging
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Final, NamedTuple

from tailrace.context.decode import decode
from tailrace.context.formats.data import json_draft, json_lines_draft
from tailrace.context.formats.draft import Draft, RefusedError
from tailrace.context.formats.epub import epub_draft
from tailrace.context.formats.mail import eml_draft, mbox_draft
from tailrace.context.formats.notebook import notebook_draft
from tailrace.context.formats.pdf import pdf_draft
from tailrace.context.formats.sheets import xlsx_draft
from tailrace.context.formats.slides import pptx_draft
from tailrace.context.formats.tables import csv_draft
from tailrace.context.formats.web_page import page_draft
from tailrace.context.formats.word import docx_draft
from tailrace.context.headings import (
    Heading,
    code_headings,
    markdown_headings,
    rst_headings,
)
from tailrace.context.kinds import DocumentKind, kind_of, why_not_read

_log = logging.getLogger(__name__)


class Parsed(NamedTuple):
    """A document as it was read.

    Attributes:
        pages: Where each page, slide or sheet starts in `text`; () without pages.
    """

    kind: DocumentKind
    title: str
    text: str
    headings: list[Heading]
    pages: tuple[int, ...] = ()


class Unread(NamedTuple):
    """Why it was not read, for people.

    Attributes:
        failed: It is a file of a kind that is read, and something is wrong with it.
    """

    reason: str
    failed: bool = False


_FROM_BYTES: Final[Mapping[DocumentKind, Callable[[bytes], Draft]]] = {
    DocumentKind.PDF: pdf_draft,
    DocumentKind.DOCX: docx_draft,
    DocumentKind.PPTX: pptx_draft,
    DocumentKind.XLSX: xlsx_draft,
    DocumentKind.MAIL: eml_draft,
    DocumentKind.MAILBOX: mbox_draft,
    DocumentKind.EPUB: epub_draft,
}
_FROM_TEXT: Final[Mapping[DocumentKind, Callable[[str], Draft]]] = {
    DocumentKind.HTML: page_draft,
    DocumentKind.CSV: csv_draft,
    DocumentKind.JSON: json_draft,
    DocumentKind.JSON_LINES: json_lines_draft,
    DocumentKind.NOTEBOOK: notebook_draft,
}
_HEADINGS: Final[Mapping[DocumentKind, Callable[[str], list[Heading]]]] = {
    DocumentKind.MARKDOWN: markdown_headings,
    DocumentKind.RESTRUCTUREDTEXT: rst_headings,
    DocumentKind.CODE: code_headings,
}
_NAMED_BY_FILE: Final = frozenset(
    {
        *(DocumentKind.CODE, DocumentKind.PDF, DocumentKind.PPTX, DocumentKind.XLSX),
        *(DocumentKind.MAILBOX, DocumentKind.EPUB),
    }
)
"""Kinds whose first heading names a part of the document and not all of it."""

_CALLED: Final[Mapping[DocumentKind, str]] = {
    DocumentKind.PDF: "a PDF file",
    DocumentKind.DOCX: "a Word document",
    DocumentKind.PPTX: "a PowerPoint presentation",
    DocumentKind.XLSX: "an Excel workbook",
    DocumentKind.EPUB: "an EPUB book",
    DocumentKind.MAIL: "a mail",
}


def parse(name: str, data: bytes) -> Parsed | Unread:
    """What stands in the file `name`; its kind is told by its name.

    Raises:
        MemoryError: it needs more memory than there is.
    """
    kind = kind_of(name)
    if kind is None or why_not_read(name):
        return Unread(why_not_read(name))
    if not data.strip():
        return Unread("it is empty")
    try:
        parsed = _parse(kind, data)
    except RefusedError as exc:
        return Unread(exc.reason, failed=True)
    except MemoryError:
        raise
    except Exception as exc:  # noqa: BLE001 - whatever a library makes of broken bytes
        _log.info("%s cannot be read: %r", kind, exc)
        called = _CALLED.get(kind, f"a file of its kind ({kind.value})")
        return Unread(f"it is damaged: it cannot be read as {called}", failed=True)
    if isinstance(parsed, Parsed) and not parsed.text.strip():
        return Unread("it has no text")
    return parsed if isinstance(parsed, Unread) or parsed.title else _titled(parsed, name)


def _parse(kind: DocumentKind, data: bytes) -> Parsed | Unread:
    """Without a title where the document has none of its own."""
    if kind in _FROM_BYTES:
        return _finished(kind, _FROM_BYTES[kind](data))
    text = decode(data)
    if text is None:
        return Unread("its content is not text")
    if kind in _FROM_TEXT:
        return _finished(kind, _FROM_TEXT[kind](text))
    headings = _HEADINGS[kind](text) if kind in _HEADINGS else []
    return Parsed(kind, "", text, headings)


def _finished(kind: DocumentKind, draft: Draft) -> Parsed:
    text, pages = draft.finish()
    return Parsed(kind, " ".join(draft.title.split()), text, draft.headings, pages)


def _titled(parsed: Parsed, name: str) -> Parsed:
    has_own = parsed.headings and parsed.kind not in _NAMED_BY_FILE
    return parsed._replace(title=parsed.headings[0].title if has_own else PurePosixPath(name).name)
