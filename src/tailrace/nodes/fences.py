"""Floor 3: code between fences, as it passes into an answer. Pure.

Rule: a fence ends here where whoever shows the answer ends it, too: where a list or quotation that
    it could stand in ends before it, it is closed first, so that nobody has to know.
"""

from typing import Final, NamedTuple

FENCE_LEAST: Final = 3
_MAX_LINE_CHARS: Final = 1_000


class Fence(NamedTuple):
    """What a block of code began with."""

    char: str
    length: int
    indent: int


class Passed(NamedTuple):
    """What passes.

    Attributes:
        text: What is shown.
        end: Where what was read ends.
        fence: What goes on; None where the code is over.
    """

    text: str
    end: int
    fence: Fence | None


def pass_code(
    fence: Fence, buffer: str, at: int, *, starts_line: bool, final: bool
) -> Passed | None:
    """The next piece of code in `buffer`; None where more has to come first.

    Args:
        fence: What it began with.
        buffer: The answer, as far as it is not shown.
        at: Where in it to go on.
        starts_line: Whether a line begins there.
        final: Whether nothing more comes.
    """
    newline = buffer.find("\n", at)
    end = len(buffer) if newline < 0 else newline + 1
    if starts_line:
        line = buffer[at:end]
        code = line.lstrip(" ")
        spaces = len(line) - len(code)
        is_whole = final or newline >= 0 or len(line) >= _MAX_LINE_CHARS
        if not is_whole and (not code or code.startswith(fence.char)):
            return None
        mark = code.rstrip()
        is_closing = len(mark) >= fence.length and not mark.strip(fence.char)
        if is_closing and fence.indent <= spaces <= fence.indent + FENCE_LEAST:
            ending = "\n" if newline >= 0 else ""
            return Passed(f"{' ' * fence.indent}{mark}{ending}", end, None)
        if spaces < fence.indent and mark:
            return Passed(f"{' ' * fence.indent}{fence.char * fence.length}\n", at, None)
    return Passed(buffer[at:end], end, fence)
