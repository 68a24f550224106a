"""Floor 3: AnswerText, an answer without its markers, and without what could reach out. Pure.

Documents may tell a model to show an image whose address carries what it has read, and a browser
would fetch it. So an answer refers to nothing remote but what the person wrote:

Rule 1: images, links, tags and bare addresses are reduced to their text, in whatever pieces the
    answer comes; code stays as it is.
Rule 2: where Markdown could be read in two ways, it is written so that there is one left: what is
    no code here, say, has its backticks escaped, and is none for whoever shows it.
Rule 3: what is taken out joins nothing: two halves of an address do not become one.
Rule 4: only what could be the beginning of such a thing is held back, and a bounded part of it.
Rule 5: `[1]` and its like, where that is a passage, is a marker: out of the text, and told.
"""

import re
import string
from collections.abc import Sequence
from typing import Final, NamedTuple

from tailrace.nodes.fences import FENCE_LEAST, Fence, pass_code
from tailrace.nodes.markdown_parts import (
    Bracket,
    Target,
    code_end,
    is_void,
    read_bracket,
    read_tag,
    read_target,
)
from tailrace.nodes.table_guard import DELIMITERS, TableGuard, is_delimiter_row
from tailrace.nodes.targets import Targets, bare


class Marker(NamedTuple):
    """That the sentence here rests on these passages, from 1."""

    numbers: tuple[int, ...]


_NEXT: Final = re.compile(
    r"[ \t]*(?:[\[【])|[ \t]+$|!(?:\[|$)|<|`+|~+|\\|\n|(?:https?|ftp)://|www\.", re.IGNORECASE
)
_BEGINNING: Final = re.compile(
    r"(?<![a-z])(?:h|ht|htt|https?|https?:|https?:/|f|ft|ftp|ftp:|ftp:/|w|ww|www)$", re.IGNORECASE
)
_LEAD: Final = frozenset(" \t>*+-0123456789.)")
_INVISIBLE: Final = re.compile(
    "[\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\U000e0000-\U000e007f]"
    "|(?<=[\x21-\x7e])[\u200c\u200d]|^[\u200c\u200d]"
)
_URL_END: Final = re.compile(r"[\s<>\"`|\\^{}]")
_MARKER: Final = re.compile(
    r"(?:\^|(?:sources?|passages?|quellen?)[ :#]{0,3})?(\d{1,3}(?:\s*[,;\-–]\s*\^?\d{1,3}){0,9})"  # noqa: RUF001 - a dash of text
    r"(?:†[^\]】]{0,40})?",
    re.IGNORECASE,
)
_TO: Final = re.compile(r"\s*[\-–]\s*")  # noqa: RUF001 - a dash of text
_MAX_URL_CHARS: Final = 2_000
_MAX_CODE_CHARS: Final = 1_000
_MAX_DEPTH: Final = 4
_LINE_CHARS: Final = 40
_FIRST_WORDS: Final = 16


class AnswerText:
    """Takes an answer as it comes; gives what may be shown of it, and its markers."""

    def __init__(
        self, targets: Targets, passages: int = 0, *, marked: bool = False, depth: int = 0
    ) -> None:
        """Show addresses in `targets`.

        Args:
            targets: What the person wrote.
            passages: Numbers up to that one are markers.
            marked: That markers are to be expected, each with the white space before it.
            depth: In how many brackets this text stands.
        """
        self._targets = targets
        self._passages = passages
        self._marked = marked
        self._said = 0
        self._depth = depth
        self._held = ""
        self._out: list[str | Marker] = []
        self._line = ""
        self._last = ""
        self._gap = False
        self._ticked = False
        self._after_marker = False
        self._fence: Fence | None = None
        self._table = TableGuard()
        self._in_line = depth > 0

    def feed(self, text: str) -> Sequence[str | Marker]:
        """What may be shown now that `text` has come too."""
        return self._take(text, final=False)

    def end(self) -> Sequence[str | Marker]:
        """What was held back; nothing more comes."""
        return self._take("", final=True)

    def _take(self, text: str, *, final: bool) -> Sequence[str | Marker]:
        buffer = self._held + _INVISIBLE.sub("", text)
        position = 0
        while position < len(buffer):
            step = self._step(buffer, position, final=final)
            if step is None:
                break
            position = step
        self._held = buffer[position:]
        out, self._out = self._out, []
        return _joined(out)

    def _step(self, buffer: str, at: int, *, final: bool) -> int | None:
        """Deal with the next part of `buffer`; where it ends, None where more has to come first."""
        if self._fence is not None:
            return self._in_fence(self._fence, buffer, at, final=final)
        if self._table.is_at_risk and not self._line.strip():
            passed = self._delimiters(buffer, at, final=final)
            if passed != at:
                return passed
        found = _NEXT.search(buffer, at)
        if found is None:
            return self._plain(buffer, at, final=final)
        if found.start() > at:
            self._show(buffer[at : found.start()])
            return found.start()
        return self._mark(buffer, at, found[0], final=final)

    def _mark(  # noqa: PLR0911 - a table of what may come next
        self, buffer: str, at: int, mark: str, *, final: bool
    ) -> int | None:
        """Deal with `mark`, which begins something or could."""
        match mark.lstrip(" \t")[:1]:
            case "":  # white space at the end of what there is
                return self._plain(buffer, at, final=final or not self._holds_space)
            case "[" | "【" | "!":
                return self._bracket(buffer, at, at + len(mark) - 1, final=final)
            case "<":
                return self._tag(buffer, at, final=final)
            case "`" | "~":
                return self._ticks(buffer, at, mark, final=final)
            case "\\":
                return self._escape(buffer, at, final=final)
            case "\n":
                self._show("\n")
                return at + 1
            case _:
                return self._url(buffer, at, final=final)

    def _delimiters(self, buffer: str, at: int, *, final: bool) -> int | None:
        """Where a row ends that would make a table here, now escaped; `at` where there is none."""
        row = DELIMITERS.match(buffer, at)
        if row is None:
            return at
        if row.end() == len(buffer) and not final:
            return None
        if is_delimiter_row(row[0]) and buffer[row.end() : row.end() + 1] in ("", "\n"):
            self._show("\\" + row[0].lstrip())
            return row.end()
        return at

    def _plain(self, buffer: str, at: int, *, final: bool) -> int | None:
        held = None if final else _BEGINNING.search(buffer, at)
        end = len(buffer) if held is None else held.start()
        if not final and self._holds_space:
            end = at + len(buffer[at:end].rstrip(" \t"))
        if end > at:
            self._show(buffer[at:end])
            return end
        return None

    def _show(self, text: str) -> None:
        """Let `text` out; what would grow together with what was before a gap is kept apart."""
        if self._after_marker and self._last.isspace():
            text = text.lstrip(" \t")
        if not text:
            return
        self._after_marker = False
        apart = self._gap and self._last and not self._last.isspace() and _grows(text[0])
        if apart or (self._ticked and text[0] == "`"):
            text = f" {text}"
        self._gap = self._ticked = False
        text = self._table.take(text)
        self._out.append(text)
        self._last = text[-1]
        self._said += len(text)
        _, newline, after = text.rpartition("\n")
        self._line = (after if newline else self._line + after)[:_LINE_CHARS]

    def _drop(self, instead: str = "") -> None:
        """Let `instead` out in the place of something, grown together with nothing around it."""
        self._gap = True
        self._show(instead)
        self._gap = True

    @property
    def _holds_space(self) -> bool:
        """Whether white space waits for what follows it; an answer's first words never do."""
        return self._marked and self._said >= _FIRST_WORDS

    @property
    def _leads(self) -> bool:
        """Whether the line has nothing yet but what a list or a quotation begins with."""
        return not self._in_line and all(c in _LEAD for c in self._line)

    def _escape(self, buffer: str, at: int, *, final: bool) -> int | None:
        escaped = buffer[at + 1 : at + 2]
        if not escaped and not final:
            return None
        end = at + (2 if escaped and escaped in string.punctuation else 1)
        self._show(buffer[at:end])
        return end

    def _url(self, buffer: str, at: int, *, final: bool) -> int | None:
        found = _URL_END.search(buffer, at)
        if found is None and not final and len(buffer) - at < _MAX_URL_CHARS:
            return None
        end = min(found.start() if found else len(buffer), at + _MAX_URL_CHARS)
        url = bare(buffer[at:end])
        if url in self._targets:
            self._show(url)
        else:
            self._quote(url)
        return at + len(url)

    def _quote(self, url: str) -> None:
        """Show `url` as code, which nobody follows, and let no backtick or backslash spoil that."""
        self._show(f" `{url}`" if self._last in ("`", "\\") else f"`{url}`")
        self._ticked = True

    def _tag(self, buffer: str, at: int, *, final: bool) -> int | None:
        tag = read_tag(buffer, at)
        if tag is None:
            if not final:
                return None
            self._show("\\<")
            return at + 1
        if tag.is_text:
            self._show("<" if tag.end == at else "\\<")
            return at + 1
        if tag.target:
            if tag.target in self._targets:
                self._show(f"<{tag.target}>")
            else:
                self._quote(tag.target.replace("`", ""))
        elif is_void(tag.name) or tag.has_attributes:
            self._drop()
        else:
            self._show("\\<" + buffer[at + 1 : tag.end])
        return tag.end

    def _bracket(  # noqa: PLR0911 - a table of what a bracket may be
        self, buffer: str, at: int, opening: int, *, final: bool
    ) -> int | None:
        is_image = buffer[at] == "!"
        if is_image and opening == at:  # an exclamation mark at the end of what there is
            if not final:
                return None
            self._show("!")
            return at + 1
        bracket = read_bracket(buffer, opening, final=final)
        if bracket is None:
            return None
        space = "" if is_image else buffer[at:opening]
        if bracket.end == opening:
            self._show(space + ("!\\[" if is_image else "\\[" if buffer[opening] == "[" else "【"))
            return opening + 1
        numbers = () if is_image else self._numbers(bracket, buffer, at, opening)
        if numbers:
            self._out.append(Marker(numbers))
            self._gap = self._after_marker = True
            is_definition = bracket.follower == ":" and self._leads
            return bracket.end + (1 if is_definition else 0)
        if bracket.follower == "(":
            target = read_target(buffer, bracket.end, final=final)
            if target is None:
                return None
            self._show(space)
            return self._link(bracket, target, is_image=is_image)
        self._show(space)
        if is_image:
            self._drop(self._reduced(bracket.text))
        elif buffer[opening] == "【":
            self._show(f"【{self._reduced(bracket.text)}】")
        else:
            opens = "\\[" if bracket.follower == ":" and self._leads else "["
            self._show(f"{opens}{self._reduced(bracket.text)}]")
        return bracket.end

    def _link(self, bracket: Bracket, target: Target, *, is_image: bool) -> int:
        text = self._reduced(bracket.text)
        if target.end == bracket.end:  # no target after all
            self._drop(text)
            self._show(" (")
            return bracket.end + 1
        if target.url in self._targets:
            self._show(f"{'!' if is_image else ''}[{text}]({target.url})")
        else:
            self._drop(text)
        return target.end

    def _numbers(self, bracket: Bracket, buffer: str, at: int, opening: int) -> tuple[int, ...]:
        """The passages a marker names; none where it is no marker."""
        found = _MARKER.fullmatch(bracket.text.strip())
        if found is None or not self._passages or bracket.follower == "(":
            return ()
        is_plain = buffer[opening] == "["
        attached = (
            is_plain and at == opening and (self._last.isalnum() or self._last in ("_", "]", ")"))
        )
        if attached and (bracket.follower.isalnum() or bracket.follower in ("_", "=", "/")):
            return ()
        numbers: list[int] = []
        for part in re.split(r"\s*[,;]\s*", found[1].replace("^", "")):
            first, *last = map(int, _TO.split(part)[:2])
            numbers += range(first, min(last[0] if last else first, first + 20) + 1)
        return tuple(numbers) if all(0 < n <= self._passages for n in numbers) else ()

    def _reduced(self, text: str) -> str:
        """`text` of a bracket, itself reduced."""
        if self._depth >= _MAX_DEPTH:
            return re.sub(r"[\[\]<>`!\\]|://", " ", text)
        inner = AnswerText(self._targets, depth=self._depth + 1)
        parts = [*inner.feed(text), *inner.end()]
        return "".join(part for part in parts if isinstance(part, str))

    def _ticks(self, buffer: str, at: int, run: str, *, final: bool) -> int | None:
        end = at + len(run)
        if end == len(buffer) and not final:
            return None
        is_long = len(run) >= FENCE_LEAST and not self._in_line
        if is_long and len(self._line) <= FENCE_LEAST and not self._line.strip(" "):
            opened = self._open_fence(buffer, at, run, final=final)
            if opened != at:
                return opened
        if run[0] == "~":
            self._show(f"\\{run}" if is_long else run)
            return end
        closing = code_end(buffer, end, len(run))
        is_open = closing is None and "\n" not in buffer[end:]
        may_grow = is_open or closing == len(buffer)
        if may_grow and not final and len(buffer) - end < _MAX_CODE_CHARS:
            return None
        if closing is None or (self._table.begun and "|" in buffer[at:closing]):
            self._show("\\`" * len(run))
            return end
        self._table.saw_code(buffer[at:closing])
        self._show(buffer[at:closing])
        return closing

    def _open_fence(self, buffer: str, at: int, run: str, *, final: bool) -> int | None:
        """Where the line of a fence that begins there ends; `at` itself where there is no fence."""
        end = at + len(run)
        newline = buffer.find("\n", end)
        if newline < 0:
            return at if final or len(buffer) - end >= _MAX_CODE_CHARS else None
        info = buffer[end:newline]
        if "|" in info or (run[0] == "`" and "`" in info):  # with a bar, it may head a table
            return at
        self._fence = Fence(run[0], len(run), len(self._line))
        self._show(buffer[at : newline + 1])
        return newline + 1

    def _in_fence(self, fence: Fence, buffer: str, at: int, *, final: bool) -> int | None:
        passed = pass_code(fence, buffer, at, starts_line=self._line == "", final=final)
        if passed is None:
            return None
        self._fence = passed.fence
        self._show(passed.text)
        return passed.end


def reduced(text: str, targets: Targets) -> str:
    """The whole of `text`, as `AnswerText` shows it."""
    whole = AnswerText(targets)
    parts = [*whole.feed(text), *whole.end()]
    return "".join(part for part in parts if isinstance(part, str))


def _grows(char: str) -> bool:
    return char.isalnum() or char in "/:([<`!~\\"


def _joined(out: Sequence[str | Marker]) -> list[str | Marker]:
    joined: list[str | Marker] = []
    for part in out:
        if isinstance(part, str) and joined and isinstance(joined[-1], str):
            joined[-1] += part
        else:
            joined.append(part)
    return joined
