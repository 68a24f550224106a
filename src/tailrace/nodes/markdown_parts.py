"""Floor 3: the parts of Markdown that could reach out of an answer: brackets, targets, tags. Pure.

Rule: whatever is not whole yet is None, and whatever is none of these is said to be text; both
    within a bounded length.
"""

import re
from typing import Final, NamedTuple

MAX_CHARS: Final = 1_000
_MAX_TARGET_CHARS: Final = 2_000
_CLOSE: Final = {"[": "]", "【": "】"}
_BLANK_LINE: Final = re.compile(r"\n[ \t]*\n")
_UNTRUSTED: Final = re.compile(r"[\[<]|://|www\.", re.IGNORECASE)
_TAG: Final = re.compile(
    r"</?([a-z][a-z0-9-]*)"
    r"((?:\s+[a-z_:][\w.:-]*(?:\s*=\s*(?:\"[^\"]*\"|'[^']*'|[^\s\"'=<>`]+))?)*)(\s*/?>)?",
    re.IGNORECASE,
)
_AUTOLINK: Final = re.compile(r"<([a-z][a-z0-9+.\-]{1,31}:[^\s<>]*)(>)?", re.IGNORECASE)
_NAME: Final = re.compile(r"</?[a-z][a-z0-9+.\-]*$", re.IGNORECASE)
_VOID_TAGS: Final = """
applet area audio base body button embed form frame frameset head html iframe image img input link
math meta noscript object param picture plaintext portal script select source style svg template
textarea title track video xml xmp
"""
_VOID: Final = frozenset(_VOID_TAGS.split())


class Bracket(NamedTuple):
    """Something in brackets; `end` is where it opens if that is no bracket after all.

    Attributes:
        follower: The character after it; "" at the end of the text.
    """

    text: str
    end: int
    follower: str


class Target(NamedTuple):
    """Where a link leads; `end` is where it opens if that is no target after all."""

    url: str
    end: int


class Tag(NamedTuple):
    """A tag or an address in angle brackets.

    Attributes:
        is_text: That it is neither; `end` is then where it begins if it looks like none at all.
        target: The address; "" for a tag.
    """

    name: str
    end: int
    has_attributes: bool = False
    is_text: bool = False
    target: str = ""


def code_end(text: str, position: int, length: int) -> int | None:
    """Where the code ends whose `length` backticks end at `position`; None: not on this line.

    Code that a table would cut in two, with something in it that must not come out, is none.
    """
    newline = text.find("\n", position)
    limit = len(text) if newline < 0 else newline
    for run in re.finditer(r"`+", text[position:limit]):
        if len(run[0]) == length:
            code = text[position : position + run.start()]
            return None if "|" in code and _UNTRUSTED.search(code) else position + run.end()
    return None


def read_bracket(text: str, opening: int, *, final: bool) -> Bracket | None:
    """What stands in the bracket that opens there; None where its end, or what follows, is not."""
    nothing = Bracket("", opening, "")
    closes, opens = _CLOSE[text[opening]], text[opening]
    depth, at = 0, opening
    while at < len(text):
        char = text[at]
        if at - opening > MAX_CHARS or char == "\n":
            return nothing
        if char == "\\":
            at += 2
            continue
        if char == "`":
            run = len(text[at:]) - len(text[at:].lstrip("`"))
            at = code_end(text, at + run, run) or at + run
            continue
        depth += (char == opens) - (char == closes)
        at += 1
        if depth == 0:
            if at == len(text) and not final:
                return None
            return Bracket(text[opening + 1 : at - 1], at, text[at : at + 1])
    return nothing if final or len(text) - opening > MAX_CHARS else None


def read_target(text: str, opening: int, *, final: bool) -> Target | None:
    """The target whose parenthesis opens there; None where its end is still to come."""
    nothing = Target("", opening)
    depth, at = 0, opening
    quote = ""
    while at < len(text):
        char = text[at]
        if at - opening > _MAX_TARGET_CHARS or (char == "\n" and _BLANK_LINE.match(text, at)):
            return nothing
        if char == "\\":
            at += 2
            continue
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'" and text[at - 1].isspace():
            quote = char
        else:
            depth += (char == "(") - (char == ")")
        at += 1
        if depth == 0:
            words = text[opening + 1 : at - 1].split(maxsplit=1)
            return Target(words[0].strip("<>") if words else "", at)
    return nothing if final or len(text) - opening > _MAX_TARGET_CHARS else None


def read_tag(text: str, at: int) -> Tag | None:  # noqa: PLR0911 - a table of what may come
    """What begins with the `<` there; None where that is still to come."""
    follower = text[at + 1 : at + 2]
    if not follower:
        return None
    if not (follower.isascii() and follower.isalpha()) and follower not in "/!?":
        return Tag("", at, is_text=True)
    text_of_it = Tag("", at + 1, is_text=True)
    if len(text) - at > _MAX_TARGET_CHARS and ">" not in text[at : at + _MAX_TARGET_CHARS]:
        return text_of_it
    for pattern in (_AUTOLINK, _TAG):
        found = pattern.match(text, at)
        if found is not None and found[found.lastindex or 0].endswith(">"):
            if pattern is _AUTOLINK:
                return Tag("", found.end(), target=found[1])
            return Tag(found[1].lower(), found.end(), has_attributes=bool(found[2].strip()))
        if found is not None and found.end() == len(text):
            return None
    if follower in "!?" or _BLANK_LINE.search(text, at):
        return text_of_it
    whole = text[at:]
    if whole in ("<", "</") or _NAME.fullmatch(whole) or _is_begun(whole):
        return None
    return text_of_it


def is_void(name: str) -> bool:
    """Whether a tag of that name may fetch something, run something or hide what follows."""
    return name in _VOID


def _is_begun(text: str) -> bool:
    """Whether `text` may still become a tag: it breaks off within an attribute."""
    found = _TAG.match(text)
    if found is None:
        return False
    rest = text[found.end() :]
    return (
        re.fullmatch(
            r"\s*(?:[a-z_:][\w.:-]*)?\s*(?:=\s*(?:\"[^\"]*|'[^']*|[^\s\"'=<>`]*))?/?",
            rest,
            re.IGNORECASE,
        )
        is not None
    )
