"""Floor 2: EPUB, the chapters of a book in the order they are read in.

Rule 1: what a book's own XML says is read without entities; a chapter is read as a web page is.
"""

import posixpath
import re
from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import unquote
from xml.parsers import expat

from tailrace.context.decode import decode
from tailrace.context.formats.archive import Archive
from tailrace.context.formats.draft import Draft, RefusedError
from tailrace.context.formats.magic import require_zip
from tailrace.context.html import html_text, is_too_deep

_CONTAINER: Final = "META-INF/container.xml"
_PROTECTED: Final = "META-INF/rights.xml"
_MAX_XML_BYTES: Final = 8 * 1024 * 1024
_MAX_CHAPTERS: Final = 5_000
_CHAPTER_TYPES: Final = frozenset({"application/xhtml+xml", "text/html", "application/xml"})
_SELF_CLOSING: Final = re.compile(
    r"<(?!(?:area|base|br|col|embed|hr|img|input|link|meta|source|track|wbr)\b)"
    r"([a-zA-Z][\w:-]*)((?:\s[^<>]*)?)/>"
)
_ENTITY: Final = "it declares XML entities, which no book needs and bombs are made of"
_DAMAGED: Final = "it is damaged: its table of contents cannot be read"


class _Element(NamedTuple):
    name: str
    attributes: Mapping[str, str]
    text: list[str]


def epub_draft(data: bytes) -> Draft:
    """What stands in the book.

    Raises:
        RefusedError: it cannot be read.
    """
    require_zip(data, "EPUB book")
    archive = Archive(data)
    package_path = _package_path(archive)
    elements = _elements(archive.read(package_path) or b"")
    folder = posixpath.dirname(package_path)
    files = {
        element.attributes.get("id", ""): element.attributes.get("href", "")
        for element in elements
        if element.name == "item" and element.attributes.get("media-type") in _CHAPTER_TYPES
    }
    draft = Draft()
    draft.title = next(
        (" ".join("".join(e.text).split()) for e in elements if e.name == "title"), ""
    )
    chapters = [e.attributes.get("idref", "") for e in elements if e.name == "itemref"]
    for chapter in chapters[:_MAX_CHAPTERS]:
        if href := files.get(chapter):
            path = posixpath.normpath(posixpath.join(folder, unquote(href.partition("#")[0])))
            _write_chapter(draft, archive.read(path) or b"")
    if not draft.position and _PROTECTED in archive.names():
        msg = "it is protected by its seller (DRM)"
        raise RefusedError(msg)
    return draft


def _write_chapter(draft: Draft, data: bytes) -> None:
    """Add a chapter below its first heading, or below the title of its page."""
    source = decode(data) or ""
    if not source or is_too_deep(source):
        return
    text, headings, title = html_text(_SELF_CLOSING.sub(r"<\1\2></\1>", source))
    if not text.strip():
        return
    if title and not headings and title != draft.title:
        draft.heading(1, title)
    draft.write(text, headings=headings)


def _package_path(archive: Archive) -> str:
    container = archive.read(_CONTAINER)
    if container is None:
        msg = "it is no EPUB book, whatever its name says"
        raise RefusedError(msg)
    for element in _elements(container):
        if element.name == "rootfile":
            return posixpath.normpath(element.attributes.get("full-path", ""))
    raise RefusedError(_DAMAGED)


def _elements(xml: bytes) -> list[_Element]:
    """The elements, in order, each with the text right in it.

    Raises:
        RefusedError: it is damaged, or declares entities.
    """
    found: list[_Element] = []
    opened: list[_Element] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        element = _Element(name.rpartition(":")[2], attributes, [])
        found.append(element)
        opened.append(element)

    def end(_name: str) -> None:
        opened.pop()

    def text(words: str) -> None:
        if opened:
            opened[-1].text.append(words)

    def entity(*_about: object) -> None:
        raise RefusedError(_ENTITY)

    if len(xml) > _MAX_XML_BYTES:
        raise RefusedError(_DAMAGED)
    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.EntityDeclHandler = entity
    try:
        parser.Parse(xml, True)  # noqa: FBT003 - it takes no keyword
    except (expat.ExpatError, ValueError, LookupError) as exc:
        raise RefusedError(_DAMAGED) from exc
    return found
