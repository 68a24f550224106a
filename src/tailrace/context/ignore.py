"""Floor 2: which files a folder's own ignore files leave out, by the rules of git.

Rule 1: of `.tailraceignore`, `.ignore` and `.gitignore`, the first that says something about a file
    decides; among files of one name, the deepest; within a file, the last line.
Rule 2: time grows with the name and not faster: no pattern can make a match search.

https://git-scm.com/docs/gitignore#_pattern_format
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

NAMES: Final = (".tailraceignore", ".ignore", ".gitignore")
MAX_BYTES: Final = 64 * 1024
_MAX_PATTERN: Final = 500
_MAX_ANY_DEPTH: Final = 2
_CLASSES: Final = {
    "alnum": "a-zA-Z0-9",
    "alpha": "a-zA-Z",
    "blank": " \t",
    "digit": "0-9",
    "lower": "a-z",
    "punct": r"!-/:-@\[-`{-~",
    "space": r"\s",
    "upper": "A-Z",
    "xdigit": "0-9a-fA-F",
}
_SET: Final = re.compile(r"\[[!^]?\]?(?:\[:\w+:\]|\\.|[^\]\\])*\]", re.DOTALL)
_IN_SET: Final = re.compile(r"\[:(\w+):\]|\\?(.)", re.DOTALL)
_NOTHING: Final = "(?!)"


class _Rule(NamedTuple):
    """A line of an ignore file; `by_name` where it is about names, whatever folder they are in."""

    pattern: str
    keeps: bool
    folders_only: bool
    by_name: bool


class _Rules(NamedTuple):
    """Some rules of a file as one pattern, the last rule first, and which line each is."""

    pattern: re.Pattern[str]
    lines: tuple[int, ...]

    def last(self, text: str) -> int:
        """The last line that is about `text`; -1 where none is."""
        found = self.pattern.fullmatch(text)
        return self.lines[found.lastindex - 1] if found and found.lastindex else -1


class _RuleFile(NamedTuple):
    """An ignore file: its rules about names and about paths, for files and for folders."""

    by_name: tuple[_Rules, _Rules]
    by_path: tuple[_Rules, _Rules]
    keeps: tuple[bool, ...]


class _Placed(NamedTuple):
    """An ignore file in its folder, whose path is so long, with the slash after it."""

    base: int
    file: _RuleFile


class Ignored:
    """What the ignore files of a folder and of those above it leave out; a value."""

    def __init__(self, by_name: Sequence[tuple[_Placed, ...]] = ((),) * len(NAMES)) -> None:
        self._by_name = by_name
        self._any = any(by_name)

    def within(self, folder: str, texts: Sequence[str]) -> "Ignored":
        """The same for `folder`, whose own ignore files, one for each of NAMES, have `texts`."""
        base = len(folder.rstrip("/")) + 1
        return Ignored(
            [
                (_Placed(base, _compiled(text)), *above) if text else above
                for text, above in zip(texts, self._by_name, strict=True)
            ]
        )

    def leaves_out(self, path: str, name: str, *, is_folder: bool) -> bool:
        """Whether the file or folder `name` at `path` is left out, if its folder is not."""
        if not self._any:
            return False
        for files in self._by_name:
            for base, file in files:
                line = max(
                    file.by_name[is_folder].last(name),
                    file.by_path[is_folder].last(path[base:]),
                )
                if line >= 0:
                    return not file.keeps[line]
        return False


@lru_cache(maxsize=256)
def _compiled(text: str) -> _RuleFile:
    lines = text.removeprefix("\ufeff").split("\n")
    rules = [rule for rule in map(_rule, lines) if rule is not None]

    def some(*, by_name: bool, is_folder: bool) -> _Rules:
        chosen = [
            number
            for number in reversed(range(len(rules)))
            if rules[number].by_name is by_name and (is_folder or not rules[number].folders_only)
        ]
        patterns = "|".join(f"({rules[number].pattern})" for number in chosen) or _NOTHING
        return _Rules(re.compile(patterns, re.DOTALL), tuple(chosen))

    return _RuleFile(
        (some(by_name=True, is_folder=False), some(by_name=True, is_folder=True)),
        (some(by_name=False, is_folder=False), some(by_name=False, is_folder=True)),
        tuple(rule.keeps for rule in rules),
    )


def _rule(line: str) -> _Rule | None:
    """The rule that stands in a line; None where there is none, or one that matches nothing."""
    line = line.removesuffix("\r")
    while line.endswith(" ") and not line.endswith("\\ "):
        line = line[:-1]
    if not line or line.startswith("#") or len(line) > _MAX_PATTERN:
        return None
    keeps = line.startswith("!")
    line = line.removeprefix("!")
    folders_only = line.endswith("/")
    line = line.removesuffix("/")
    by_name = "/" not in line
    pattern = _segment(line) if by_name else _path(line.removeprefix("/").split("/"))
    return _Rule(pattern, keeps, folders_only, by_name) if line and pattern else None


def _path(parts: list[str]) -> str:
    """The pattern of a path below the ignore file's folder; "" where it can match nothing."""
    pieces: list[str] = []
    depths = 0
    for number, part in enumerate(parts):
        is_last = number == len(parts) - 1
        if part == "**":
            if is_last or parts[number + 1] != "**":
                pieces.append(".+" if is_last else "(?:[^/]+/)*")
                depths += 1
            continue
        segment = _segment(part)
        if not segment:
            return ""
        pieces.append(segment if is_last else segment + "/")
    return "".join(pieces) if depths <= _MAX_ANY_DEPTH else ""


def _segment(part: str) -> str:
    """The pattern of a name; "" where it can match nothing.

    After a star, the first place where what follows it fits is as good as any later one, so the
    choice is never taken back; but for the last star, whose rest stands at the end.
    """
    runs = [""]
    position = 0
    while position < len(part):
        sign = part[position]
        position += 1
        if sign == "*":
            if len(runs) == 1 or runs[-1]:
                runs.append("")
        elif sign == "?":
            runs[-1] += "[^/]"
        elif sign == "[":
            found = _SET.match(part, position - 1)
            if not found:
                return ""
            runs[-1] += _set(found[0][1:-1])
            position = found.end()
        elif sign == "\\":
            if position == len(part):
                return ""
            runs[-1] += re.escape(part[position])
            position += 1
        else:
            runs[-1] += re.escape(sign)
    if len(runs) == 1:
        return runs[0]
    first, *middle, last = runs
    return first + "".join(f"(?>[^/]*?{run})" for run in middle) + f"[^/]*{last}"


def _set(inside: str) -> str:
    """The pattern of a set of characters; a slash is never one of them."""
    negated = inside[:1] in {"!", "^"}
    members: list[str] = []
    low = ""
    ranged = False
    for found in _IN_SET.finditer(inside, int(negated)):
        named, sign = found[1], found[2]
        if named:
            members.append(_CLASSES.get(named, ""))
            low = ""
        elif found[0] == "-" and low and not ranged and found.end() < len(inside):
            ranged = True
            continue
        elif ranged:
            members[-1] = f"{re.escape(low)}-{re.escape(sign)}" if low <= sign else ""
            low = ""
        else:
            members.append(re.escape(sign))
            low = sign
        ranged = False
    listed = "".join(members)
    if not listed:
        return "[^/]" if negated else _NOTHING
    return f"(?!/)[{'^' if negated else ''}{listed}]"
