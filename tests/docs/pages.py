"""The documentation as its tests see it: pages, and what stands in their code and their links."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "examples").rglob("*.md"),
        *(ROOT / "frontend" / "packages").glob("*/README.md"),
    ]
)

_BLOCK = re.compile(r"^ *```(\w*)[^\n]*\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)


class Block(NamedTuple):
    """A block of code: the page it stands on, its language, its text."""

    page: Path
    language: str
    text: str


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(*languages: str) -> Iterator[Block]:
    """Every block of code in one of `languages`; in any, where none is given."""
    for page in PAGES:
        for language, text in _BLOCK.findall(page.read_text("utf-8")):
            if not languages or language in languages:
                yield Block(page, language, text)


def code() -> Iterator[tuple[Path, str]]:
    """Every line in a block, and every piece of code in a sentence."""
    for page in PAGES:
        text = page.read_text("utf-8")
        for _, block in _BLOCK.findall(text):
            for line in block.splitlines():
                yield page, line
        for span in _SPAN.findall(_BLOCK.sub("", text)):
            yield page, span


def links(page: Path) -> Iterator[str]:
    """Where the page leads to within the tree: a path, an anchor, or both."""
    for target in _LINK.findall(_BLOCK.sub("", page.read_text("utf-8"))):
        if "://" not in target:
            yield target


def anchors(page: Path) -> set[str]:
    """What can stand after the `#` in a link to the page."""
    text = _BLOCK.sub("", page.read_text("utf-8"))
    return {_slug(heading) for heading in _HEADING.findall(text)}


def _slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
