"""Floor 2: PPTX, the slides of a presentation, each a page below its title, with its notes."""

import importlib
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Protocol, cast

from tailrace.context.formats.archive import Archive
from tailrace.context.formats.draft import Draft
from tailrace.context.formats.magic import require_zip
from tailrace.context.formats.tables import write_rows

_MAX_SHAPES: Final = 5_000
_GROUP: Final = 6  # MSO_SHAPE_TYPE.GROUP


class _Frame(Protocol):
    text: str


class _Cell(Protocol):
    text: str


class _Row(Protocol):
    cells: Iterable[_Cell]


class _Table(Protocol):
    rows: Iterable[_Row]


class _Shape(Protocol):
    shape_id: int
    has_text_frame: bool
    has_table: bool
    text_frame: _Frame
    table: _Table
    shapes: Iterable["_Shape"]


class _Shapes(Protocol):
    title: _Shape | None

    def __iter__(self) -> Iterator[_Shape]: ...


class _Notes(Protocol):
    notes_text_frame: _Frame | None


class _Slide(Protocol):
    shapes: _Shapes
    has_notes_slide: bool
    notes_slide: _Notes


class _Properties(Protocol):
    title: str


class _Presentation(Protocol):
    slides: Sequence[_Slide]
    core_properties: _Properties


class _Pptx(Protocol):
    def Presentation(self, pptx: io.BytesIO) -> _Presentation: ...  # noqa: N802 - its own name


def pptx_draft(data: bytes) -> Draft:
    """What stands on the slides.

    Raises:
        RefusedError: it cannot be read.
    """
    require_zip(data, "PowerPoint presentation")
    Archive(data).check()
    pptx = cast("_Pptx", importlib.import_module("pptx"))
    presentation = pptx.Presentation(io.BytesIO(data))
    draft = Draft()
    draft.title = presentation.core_properties.title.strip()
    if draft.title == "PowerPoint Presentation":  # what the program writes where nobody did
        draft.title = ""
    for number, slide in enumerate(presentation.slides, start=1):
        draft.page()
        _write_slide(draft, slide, number)
    return draft


def _write_slide(draft: Draft, slide: _Slide, number: int) -> None:
    title = slide.shapes.title
    words = _clean(title.text_frame.text) if title is not None else ""
    draft.heading(1, " ".join(words.split()) or f"Slide {number}")
    if number == 1 and not draft.title:
        draft.title = words
    draft.write(words)
    for shape in _flat(slide.shapes):
        if title is not None and shape.shape_id == title.shape_id:
            continue
        if shape.has_text_frame:
            draft.write(_clean(shape.text_frame.text))
        elif shape.has_table:
            write_rows(draft, ([_clean(c.text) for c in row.cells] for row in shape.table.rows))
    if slide.has_notes_slide and (notes := slide.notes_slide.notes_text_frame) is not None:
        words = _clean(notes.text).strip()
        draft.write(f"Notes: {words}" if words else "")


def _flat(shapes: Iterable[_Shape]) -> Iterator[_Shape]:
    """The shapes, those of groups included."""
    waiting = [iter(shapes)]
    seen = 0
    while waiting and seen < _MAX_SHAPES:
        shape = next(waiting[-1], None)
        if shape is None:
            waiting.pop()
            continue
        seen += 1
        if getattr(shape, "shape_type", None) == _GROUP:
            waiting.append(iter(shape.shapes))
        else:
            yield shape


def _clean(text: str) -> str:
    return text.replace("\v", "\n").strip()
