"""Tool: nothing in the tree that ties it to one machine or one registry, or that names no concept.

Rule 1: no host name of a package registry; a user's own mirror must do as well.
Rule 2: no absolute path of a machine somebody worked on.
Rule 3: no module called `utils` or the like: its name does not say what belongs in it.
Rule 4: no note about work left to do in code; it is done, or it is an issue.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent

BANNED_NAMES: Final = frozenset({"util", "utils", "helper", "helpers", "common", "misc"})
CODE: Final = frozenset({".py", ".ts", ".tsx", ".js", ".mjs", ".sh", ".sql", ".css"})

# written so that this file does not match itself
_REGISTRY: Final = re.compile(
    r"py[p]i\.org|python[h]osted|npm[j]s\.|registry\.yarn[p]kg|deb\.debia[n]|ana[c]onda\.org"
)
_MACHINE_PATH: Final = re.compile(
    r"(?<![\w.*/~-])/(?:[w]ork|[r]oot|[t]mp|(?:[h]ome|[U]sers)/\w+)/\w"
)
_WORK_LEFT: Final = re.compile(r"\b(?:TO[D]O|FIX[M]E)\b")


def path_complaint(path: PurePosixPath) -> str | None:
    """What is wrong with the name of a file of code; None where nothing is."""
    if path.suffix not in CODE:
        return None
    for name in (*path.parts[:-1], path.stem):
        if name.lstrip("_").lower() in BANNED_NAMES:
            return f"{name!r} names no concept; name the module after what it does"
    return None


def text_complaints(path: PurePosixPath, text: str) -> Iterator[tuple[int, str]]:
    """Line and complaint for everything in the file's text that ought not to be there."""
    for number, line in enumerate(text.splitlines(), start=1):
        if _REGISTRY.search(line):
            yield number, "names the host of a package registry; say `the package index`"
        if _MACHINE_PATH.search(line):
            yield number, "holds an absolute path of some machine"
        if path.suffix in CODE and _WORK_LEFT.search(line):
            yield number, "notes work left to do; do it, or make it an issue"


def files(root: Path) -> list[PurePosixPath]:
    """What git knows or would take in: ignored files are nobody's concern."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, check=True, cwd=root, capture_output=True, text=True)
    names = sorted(set(done.stdout.split("\0")) - {""})
    return [PurePosixPath(name) for name in names if (root / name).is_file()]


def complaints(root: Path) -> list[str]:
    """`path:line: complaint` for the whole tree."""
    found: list[str] = []
    for path in files(root):
        complaint = path_complaint(path)
        if complaint:
            found.append(f"{path}:1: {complaint}")
        content = (root / path).read_bytes()
        if b"\0" not in content[:8192]:
            text = content.decode("utf-8", "replace")
            found += [f"{path}:{line}: {wrong}" for line, wrong in text_complaints(path, text)]
    return found


def main() -> int:
    """Print what ought not to be there; 0 when all is well."""
    found = complaints(ROOT)
    print("\n".join(found) or "Tree: nothing that ties it to one machine or one registry.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
