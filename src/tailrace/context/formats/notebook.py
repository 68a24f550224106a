"""Floor 2: IPYNB, a notebook's cells in their order, code fenced, with what it printed."""

import json
import re
from collections.abc import Iterator
from typing import Final, cast

from tailrace.context.formats.draft import Draft, RefusedError
from tailrace.context.headings import markdown_headings
from tailrace.events.event import JSON

_MAX_CELLS: Final = 10_000
_OUTPUT_CHARS: Final = 2_000
_ANSI: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_LANGUAGE: Final = re.compile(r"[\w+#.-]{1,30}")


def notebook_draft(text: str) -> Draft:
    """What stands in the notebook.

    Raises:
        RefusedError: it is none.
    """
    try:
        notebook = cast("JSON", json.loads(text))
    except (ValueError, RecursionError) as exc:
        msg = "it is damaged: it is no valid JSON, as a notebook is"
        raise RefusedError(msg) from exc
    cells = list(_cells(notebook))
    if not isinstance(notebook, dict) or (not cells and "cells" not in notebook):
        msg = "it is no notebook, whatever its name says"
        raise RefusedError(msg)
    language = _language(notebook)
    draft = Draft()
    for cell in cells[:_MAX_CELLS]:
        source = _joined(cell.get("source", cell.get("input")))
        match cell.get("cell_type"):
            case "markdown" | "heading":
                words = source.replace("\r\n", "\n").replace("\r", "\n")
                draft.write(words, headings=markdown_headings(words))
            case "code":
                draft.write(_fenced(source, language) if source.strip() else "")
                draft.write(_printed(cell))
            case _:
                draft.write(source)
    if len(cells) > _MAX_CELLS:
        draft.write(f"[Only the first {_MAX_CELLS:,} cells were read.]")
    return draft


def _cells(notebook: JSON) -> Iterator[dict[str, JSON]]:
    """The cells of the present format, or of the one before, which has worksheets."""
    if not isinstance(notebook, dict):
        return
    sheets = notebook.get("worksheets")
    holders = [notebook, *(sheets if isinstance(sheets, list) else [])]
    for holder in holders:
        cells = holder.get("cells") if isinstance(holder, dict) else None
        for cell in cells if isinstance(cells, list) else ():
            if isinstance(cell, dict):
                yield cell


def _language(notebook: dict[str, JSON]) -> str:
    metadata = notebook.get("metadata")
    about = metadata.get("language_info") if isinstance(metadata, dict) else None
    name = about.get("name") if isinstance(about, dict) else None
    return name if isinstance(name, str) and _LANGUAGE.fullmatch(name) else "python"


def _fenced(source: str, language: str) -> str:
    fence = "```"
    while fence in source:
        fence += "`"
    return f"{fence}{language}\n{source.rstrip()}\n{fence}"


def _printed(cell: dict[str, JSON]) -> str:
    """The text of a cell's outputs, of each at most so much."""
    outputs = cell.get("outputs")
    pieces: list[str] = []
    for output in outputs[:100] if isinstance(outputs, list) else ():
        if not isinstance(output, dict):
            continue
        data = output.get("data", output)
        shown = data.get("text/plain") if isinstance(data, dict) else None
        words = _joined(output.get("text") or shown or output.get("traceback"))
        words = _ANSI.sub("", words[: 4 * _OUTPUT_CHARS]).strip()
        if len(words) > _OUTPUT_CHARS:
            words = words[:_OUTPUT_CHARS] + " […]"
        pieces.append(words)
    printed = "\n".join(filter(None, pieces))
    return f"Output:\n{printed}" if printed else ""


def _joined(lines: JSON) -> str:
    """A text that may be kept as a list of its lines."""
    if isinstance(lines, list):
        return "".join(line for line in lines if isinstance(line, str))
    return lines if isinstance(lines, str) else ""
