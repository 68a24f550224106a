"""Tool: no file over 400 lines, no function over 60; a longer one holds a second concept.

A function's docstring does not count, its decorators neither; what is nested in it does. Functions
are measured in Python alone.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
FOLDERS: Final = ("src", "tests", "tools", "benchmarks", "examples", "frontend")
SCRIPTS: Final = frozenset({".ts", ".tsx", ".js", ".mjs", ".css", ".html"})
NOT_OURS: Final = frozenset({"node_modules", "dist"})
GENERATED: Final = re.compile(r"(\.generated\.ts|/static/core\.js)$")
MAX_FILE_LINES: Final = 400
MAX_FUNCTION_LINES: Final = 60


def function_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from `def` to the end, without the docstring."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function, clean=False) is not None:
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines


def too_long(source: str) -> Iterator[tuple[int, str]]:
    """Line and complaint for everything in Python's `source` that is over its limit."""
    yield from too_many_lines(source)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = function_lines(node)
            if length > MAX_FUNCTION_LINES:
                limit = f"a function has {MAX_FUNCTION_LINES} at most"
                yield node.lineno, f"{node.name} has {length} lines; {limit}"


def too_many_lines(source: str) -> Iterator[tuple[int, str]]:
    """Line and complaint where `source`, of any language, is over its limit."""
    lines = len(source.splitlines())
    if lines > MAX_FILE_LINES:
        yield 1, f"{lines} lines; a file has {MAX_FILE_LINES} at most"


def files(root: Path) -> Iterator[Path]:
    """Every file of code of ours below `root`."""
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            ours = not NOT_OURS.intersection(path.relative_to(root).parts)
            code = path.suffix == ".py" or path.suffix in SCRIPTS
            if code and ours and path.is_file() and not GENERATED.search(path.as_posix()):
                yield path


def complaints(root: Path) -> list[str]:
    """`path:line: complaint` for every file of code of ours below `root`."""
    return [
        f"{path.relative_to(root).as_posix()}:{line}: {complaint}"
        for path in files(root)
        for line, complaint in (too_long if path.suffix == ".py" else too_many_lines)(
            path.read_text(encoding="utf-8")
        )
    ]


def main() -> int:
    """Print what is too long; 0 when nothing is."""
    found = complaints(ROOT)
    print("\n".join(found) or "Sizes: every file and function is within its limit.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
