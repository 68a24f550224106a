"""Floor 2: DOCX, the paragraphs, headings, lists and tables of a document in Word's format.

Rule 1: what was inserted is read and what was deleted is not, accepted or not.
Rule 2: text boxes, footnotes, comments, headers and footers are left out.
"""

import importlib
import io
from collections.abc import Iterator
from typing import Final, Protocol, cast

from tailrace.context.formats.archive import Archive
from tailrace.context.formats.draft import Draft
from tailrace.context.formats.magic import require_zip
from tailrace.context.formats.tables import write_rows
from tailrace.context.formats.xml_nodes import Node, below, child, local, value

_W: Final = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_NO_TITLE: Final = "Word Document"  # what the library says where the document says nothing
_UNSEEN: Final = frozenset(
    {
        "del",
        "moveFrom",
        "drawing",
        "pict",
        "object",
        "AlternateContent",
        "rPr",
        "sdtPr",
        "instrText",
    }
)
_TITLE_LEVEL, _MAX_LEVEL, _NO_LEVEL = 0, 9, 10


class _Properties(Protocol):
    title: str


class _Styles(Protocol):
    element: object


class _Document(Protocol):
    element: object
    styles: _Styles
    core_properties: _Properties


class _Docx(Protocol):
    def Document(self, docx: io.BytesIO) -> _Document: ...  # noqa: N802 - the library's own name


def docx_draft(data: bytes) -> Draft:
    """What stands in the document.

    Raises:
        RefusedError: it cannot be read.
    """
    require_zip(data, "Word document")
    Archive(data).check()
    docx = cast("_Docx", importlib.import_module("docx"))
    document = docx.Document(io.BytesIO(data))
    draft = Draft()
    title = document.core_properties.title.strip()
    draft.title = "" if title == _NO_TITLE else title
    levels = _heading_levels(cast("Node", document.styles.element))
    body = child(cast("Node", document.element), "body")
    was_item = False
    for block in _blocks(body) if body is not None else ():
        if local(block.tag) == "tbl":
            write_rows(draft, _rows(block))
            was_item = False
        else:
            was_item = _write_paragraph(draft, block, levels, was_item=was_item)
    return draft


def _write_paragraph(
    draft: Draft, paragraph: Node, levels: dict[str, int], *, was_item: bool
) -> bool:
    """Add a paragraph; whether it is an item of a list."""
    properties = child(paragraph, "pPr")
    style = value(child(properties, "pStyle"), _W)
    own_level = value(child(properties, "outlineLvl"), _W)
    text = _text(paragraph)
    if not text.strip():
        return was_item
    level = int(own_level) + 1 if own_level.isdecimal() else levels.get(style, _NO_LEVEL)
    if level <= _MAX_LEVEL:
        draft.heading(level, text)
        draft.write(text)
        return False
    is_item = child(properties, "numPr") is not None or style.startswith("List")
    draft.write(f"- {text}" if is_item else text, gap="\n" if is_item and was_item else "\n\n")
    return is_item


def _heading_levels(styles: Node) -> dict[str, int]:
    """For each style that is one of a heading, how deep it is; a title is above all."""
    levels: dict[str, int] = {}
    for style in styles.iterchildren():
        style_id = style.get(f"{{{_W}}}styleId")
        if local(style.tag) != "style" or not style_id:
            continue
        name = value(child(style, "name"), _W).lower()
        outline = value(child(style, "pPr", "outlineLvl"), _W)
        based_on = value(child(style, "basedOn"), _W)
        if name == "title":
            levels[style_id] = _TITLE_LEVEL
        elif outline.isdecimal() and int(outline) < _MAX_LEVEL:
            levels[style_id] = int(outline) + 1
        elif name.startswith("heading ") and name[8:].isdecimal():
            levels[style_id] = int(name[8:])
        elif based_on in levels:
            levels[style_id] = levels[based_on]
    return levels


def _blocks(body: Node) -> Iterator[Node]:
    """The paragraphs and tables, also those in fields and in what was inserted."""
    waiting = [body.iterchildren()]
    while waiting:
        block = next(waiting[-1], None)
        if block is None:
            waiting.pop()
            continue
        match local(block.tag):
            case "p" | "tbl":
                yield block
            case "sdt" | "sdtContent" | "ins" | "moveTo" | "customXml" | "smartTag":
                waiting.append(block.iterchildren())
            case _:
                pass


def _rows(table: Node) -> Iterator[list[str]]:
    for row in table.iterchildren():
        if local(row.tag) == "tr":
            yield [_cell(cell) for cell in row.iterchildren() if local(cell.tag) == "tc"]


def _cell(cell: Node) -> str:
    """All text of a cell, that of a table in it included."""
    return _text(cell)


def _text(node: Node) -> str:
    pieces: list[str] = []
    for each in below(node, _UNSEEN):
        match local(each.tag):
            case "t":
                pieces.append(each.text or "")
            case "tab":
                pieces.append("\t")
            case "br" | "cr":
                pieces.append("\n")
            case "p" if pieces:
                pieces.append("\n")
            case "noBreakHyphen":
                pieces.append("-")
            case _:
                pass
    return "".join(pieces)
