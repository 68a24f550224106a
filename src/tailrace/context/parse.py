"""Floor 2: parse, from a file's name and bytes to its text, title and headings.

Rule 1: pure: nothing is opened, fetched or run.
Rule 2: `text` is final: every position ever told counts its characters.
"""

from pathlib import PurePosixPath
from typing import NamedTuple, assert_never

from tailrace.context.decode import clean, decode
from tailrace.context.headings import (
    Heading,
    code_headings,
    markdown_headings,
    rst_headings,
)
from tailrace.context.html import html_text, is_too_deep
from tailrace.context.kinds import DocumentKind, kind_of, why_not_read


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
    """Why it was not read, for people."""

    reason: str


def parse(name: str, data: bytes) -> Parsed | Unread:
    """What stands in the file `name`; its kind is told by its name."""
    kind = kind_of(name)
    if kind is None:
        return Unread(why_not_read(name))
    text = decode(data)
    if text is None:
        return Unread("its content is not text")
    if kind is DocumentKind.HTML:
        if is_too_deep(text):
            return Unread("its elements are nested too deep")
        text, headings, title = html_text(text)
        text = clean(text)
    else:
        headings, title = _headings(kind, text), ""
    if not text.strip():
        return Unread("it is empty" if not data.strip() else "it has no text")
    if kind is not DocumentKind.CODE and not title and headings:
        title = headings[0].title
    return Parsed(kind, title or PurePosixPath(name).name, text, headings)


def _headings(kind: DocumentKind, text: str) -> list[Heading]:
    match kind:
        case DocumentKind.MARKDOWN:
            return markdown_headings(text)
        case DocumentKind.RESTRUCTUREDTEXT:
            return rst_headings(text)
        case DocumentKind.CODE:
            return code_headings(text)
        case DocumentKind.TEXT | DocumentKind.HTML:
            return []
    assert_never(kind)
