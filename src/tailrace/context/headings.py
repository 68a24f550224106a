"""Floor 2: where the headings of a text stand.

Rule 1: time and memory grow with the text and not faster, whatever its lines are like.
"""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Final, NamedTuple

_MAX_HEADINGS: Final = 50_000
_MAX_LINE: Final = 300
_MAX_TITLE: Final = 120
_MAX_FRONT_MATTER: Final = 4_000

_MARK: Final = re.compile(
    r"^ {0,3}(?:#{1,6}(?:[ \t]|$)|`{3}|~{3}|=+[ \t]*$|--+[ \t]*$)", re.MULTILINE
)
_ATX: Final = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*))?")
_ATX_END: Final = re.compile(r"[ \t]#+[ \t]*$")
_FENCE: Final = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
_NO_SETEXT: Final = re.compile(r"\s*(?:[-*+>#|]|\d+[.)] )|\s*$|(?: {4}|\t)")
_FRONT_MATTER: Final = re.compile(r"---[ \t]*\n.*?^---[ \t]*$", re.MULTILINE | re.DOTALL)
_FRONT_MATTER_TITLE: Final = re.compile(r"^title:[ \t]*(.*)$", re.MULTILINE)
_RST_MARK: Final = re.compile(r"^([^\w\s])\1{2,}[ \t]*$", re.MULTILINE)
_DEFINITION: Final = re.compile(
    r"^(?P<indent>[ \t]{0,8})(?:(?:export|default|pub|public|private|protected|internal|static"
    r"|final|abstract|async|unsafe|const|inline|sealed|data|open|override)"
    r"(?:\([^)\n]{0,20}\))?[ \t]+){0,5}"
    r"(?P<word>class|def|func|fn|function|struct|interface|enum|trait|impl|module|namespace|type"
    r"|protocol|object|record|CREATE TABLE)\b[ \t]+(?P<name>[^\s(){}:;=]{1,80})",
    re.MULTILINE,
)


class Heading(NamedTuple):
    """A heading: where its line starts, how deep it is (1: the topmost), what it says."""

    start: int
    level: int
    title: str


def markdown_headings(text: str) -> list[Heading]:
    """The `#` and underlined headings, outside of code and of front matter; its title is one."""
    found: list[Heading] = []
    first = _front_matter(text, found)
    fence = ""
    for start, line in _lines(text, _MARK, first):
        if match := _FENCE.fullmatch(line):
            fence = _next_fence(fence, match[1], match[2])
        elif fence:
            continue
        elif match := _ATX.fullmatch(line):
            title = _title(_ATX_END.sub("", match[2] or ""))
            found.append(Heading(start, len(match[1]), title))
        elif (above := _line_above(text, start, first)) and not _NO_SETEXT.match(above[1]):
            level = 1 if line.lstrip().startswith("=") else 2
            found.append(Heading(above[0], level, _title(above[1])))
    return [heading for heading in found if heading.title]


def rst_headings(text: str) -> list[Heading]:
    """The underlined headings; a style's level is when it first came."""
    found: list[Heading] = []
    styles: list[tuple[str, bool]] = []
    for start, under in _lines(text, _RST_MARK, 0):
        above = _line_above(text, start, 0)
        if not above or not above[1].strip() or _RST_MARK.fullmatch(above[1]):
            continue
        title_start, title = above
        if len(under.rstrip()) < len(title.strip()):
            continue
        over = _line_above(text, title_start, 0)
        has_over = over is not None and over[1].rstrip() == under.rstrip()
        style = (under[0], has_over)
        if style not in styles:
            styles.append(style)
        first = over[0] if over and has_over else title_start
        found.append(Heading(first, styles.index(style) + 1, _title(title)))
    return found


def code_headings(text: str) -> list[Heading]:
    """The lines that define a class, function or type; deeper where indented."""
    return [
        Heading(
            match.start(),
            1 + len(match["indent"].expandtabs(4)) // 4,
            f"{match['word']} {match['name']}",
        )
        for match in islice(_DEFINITION.finditer(text), _MAX_HEADINGS)
    ]


def _lines(text: str, mark: re.Pattern[str], first: int) -> Iterator[tuple[int, str]]:
    """Start and text of each line that `mark` matches and that is short enough for a heading."""
    for match in islice(mark.finditer(text, first), _MAX_HEADINGS):
        start = match.start()
        end = text.find("\n", start, start + _MAX_LINE)
        if end >= 0 or len(text) - start < _MAX_LINE:
            yield start, text[start : end if end >= 0 else len(text)]


def _line_above(text: str, start: int, first: int) -> tuple[int, str] | None:
    """Start and text of the line before the one at `start`; None where it is too long, or none."""
    if start <= first:
        return None
    earliest = max(first, start - 1 - _MAX_LINE)
    above = text.rfind("\n", earliest, start - 1) + 1
    if above <= earliest and earliest > first:
        return None
    above = max(above, first)
    return above, text[above : start - 1]


def _title(text: str) -> str:
    return " ".join(text.split())[:_MAX_TITLE]


def _next_fence(fence: str, mark: str, rest: str) -> str:
    """The fence that is open after a line that starts with `mark`."""
    if not fence:
        return mark
    closes = mark[0] == fence[0] and len(mark) >= len(fence) and not rest.strip()
    return "" if closes else fence


def _front_matter(text: str, found: list[Heading]) -> int:
    """Where the front matter ends, 0 without one; its title is added to `found`."""
    matter = _FRONT_MATTER.match(text, 0, _MAX_FRONT_MATTER)
    if not matter:
        return 0
    if match := _FRONT_MATTER_TITLE.search(text, 0, matter.end()):
        found.append(Heading(match.start(), 1, _title(match[1].strip("\"' "))))
    return matter.end()
