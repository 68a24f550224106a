"""Floor 2: the text a reader of a web page sees, with its headings.

Rule 1: the tree is walked, never recursed into.
Rule 2: what is nested deeper than any page is, is not parsed: a parser's time is the square of it.
"""

import re
from typing import Final

from selectolax.lexbor import LexborHTMLParser, LexborNode

from tailrace.context.decode import clean
from tailrace.context.headings import Heading

_UNSEEN: Final = frozenset(
    {
        *("head", "script", "style", "noscript", "template", "svg", "math", "iframe", "object"),
        *("canvas", "audio", "video", "select", "datalist", "input", "button"),
    }
)
_HEADINGS: Final = {f"h{level}": level for level in range(1, 7)}
_INLINE: Final = frozenset(
    {
        *(
            "a",
            "abbr",
            "acronym",
            "b",
            "bdi",
            "bdo",
            "big",
            "cite",
            "code",
            "data",
            "del",
            "dfn",
            "em",
        ),
        *(
            "font",
            "i",
            "img",
            "ins",
            "kbd",
            "label",
            "mark",
            "nobr",
            "output",
            "q",
            "rp",
            "rt",
            "ruby",
        ),
        *("s", "samp", "small", "span", "strike", "strong", "sub", "sup", "time", "tt", "u", "var"),
        "wbr",
    }
)
_CELLS: Final = frozenset({"td", "th"})
_LINES: Final = frozenset({"br", "li", "tr", "dt", "dd", "option", "hr"})
_NESTING: Final = re.compile(
    r"<(/?)(?!(?:area|base|br|col|embed|hr|img|input|link|meta|source|track|wbr"
    r"|p|li|dt|dd|tr|td|th|option|thead|tbody|tfoot|path|rect|circle|line|use|g)\b)[a-z][^<>]*(/?)>",
    re.IGNORECASE,
)
_MAX_DEPTH: Final = 2_000
_SPACE: Final = re.compile(r"\s+")


class _Page:
    """The text so far; a break is written only when something follows it."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.length = 0
        self.headings: list[tuple[int, int]] = []
        self._due = ""

    def break_(self, mark: str) -> None:
        """Have `mark` before the next text; of several, the strongest."""
        if self.length and _STRENGTH[mark] > _STRENGTH[self._due]:
            self._due = mark

    def write(self, text: str) -> None:
        """Add visible text."""
        if not text:
            return
        self.parts.append(self._due + text)
        self.length += len(self._due) + len(text)
        self._due = ""

    def open_heading(self, level: int) -> None:
        """A heading starts with the next text."""
        self.headings.append((self.length + len(self._due), level))


_STRENGTH: Final = {"": 0, " ": 1, " | ": 2, "\n": 3, "\n\n": 4}


def html_text(source: str) -> tuple[str, list[Heading], str]:
    """The visible text, its headings, and the page's own title ("" where it has none)."""
    tree = LexborHTMLParser(source)
    page = _Page()
    node = tree.body
    while node is not None and tree.body is not None:
        unseen = _is_unseen(node)
        if not unseen:
            _enter(page, node)
        node = _next(page, node, tree.body, descend=not unseen)
    text = "".join(page.parts)
    titled = tree.css_first("head > title")
    return text, _headings(text, page), " ".join(titled.text().split()) if titled else ""


def is_too_deep(source: str) -> bool:
    """Whether its elements are nested deeper than any page that is meant to be read."""
    depth = 0
    for match in _NESTING.finditer(source):
        if match[1]:
            depth = max(depth - 1, 0)
        elif not match[2]:
            depth += 1
            if depth > _MAX_DEPTH:
                return True
    return False


def _headings(text: str, page: _Page) -> list[Heading]:
    found: list[Heading] = []
    for start, level in page.headings:
        end = text.find("\n", start)
        title = text[start : end if end >= 0 else len(text)].strip()[:120]
        if title and (not found or found[-1].start != start):
            found.append(Heading(start, level, title))
    return found


def _is_unseen(node: LexborNode) -> bool:
    return node.tag in _UNSEEN or "hidden" in node.attributes


def _enter(page: _Page, node: LexborNode) -> None:
    if node.is_text_node:
        _write_text(page, node)
        return
    page.break_(_mark(node.tag))
    if node.tag in _HEADINGS:
        page.open_heading(_HEADINGS[node.tag])


def _write_text(page: _Page, node: LexborNode) -> None:
    text = clean(node.text_content or "")  # here, so that no position moves afterwards
    if _is_preformatted(node):
        page.write(text.strip("\n"))
        return
    words = _SPACE.sub(" ", text)
    if words.startswith(" "):
        page.break_(" ")
    page.write(words.strip(" "))
    if words.endswith(" "):
        page.break_(" ")


def _is_preformatted(node: LexborNode) -> bool:
    above = node.parent
    while above is not None and above.tag in _INLINE:
        above = above.parent
    return above is not None and above.tag in {"pre", "textarea"}


def _mark(tag: str | None) -> str:
    """What stands before and after such an element."""
    if tag is None or tag in _INLINE or tag.startswith(("-", "_", "!")):
        return ""
    if tag in _CELLS:
        return " | "
    return "\n" if tag in _LINES else "\n\n"


def _next(page: _Page, node: LexborNode, body: LexborNode, *, descend: bool) -> LexborNode | None:
    """The next node in the order of the page; elements that are left write their break."""
    if descend and node.child is not None:
        return node.child
    current: LexborNode | None = node
    while current is not None and current.mem_id != body.mem_id:
        page.break_(_mark(current.tag))
        if current.next is not None:
            return current.next
        current = current.parent
    return None
