"""Floor 2: which files lie in a folder; blocking, for a worker thread.

Rule 1: nothing outside the folder is ever read, wherever its links lead.
Rule 2: a link inside it leads to what is found anyway, so none is followed: no file comes twice,
    and no cycle is entered.
Rule 3: what a machine keeps for itself is left out: hidden files, version control, environments;
    and what the folder's own ignore files leave out.
"""

import os
import stat
import sys
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from tailrace.context.ignore import MAX_BYTES as MAX_IGNORE_BYTES
from tailrace.context.ignore import NAMES as IGNORE_FILES
from tailrace.context.ignore import Ignored

MAX_FILES: Final = 100_000
MAX_DEPTH: Final = 100

_LEFT_OUT: Final = frozenset(
    {"node_modules", "bower_components", "__pycache__", "site-packages", "CVS", "_darcs"}
)
_ENVIRONMENT_MARKS: Final = frozenset({"pyvenv.cfg", "CACHEDIR.TAG"})


class FoundFile(msgspec.Struct, frozen=True):
    """A file and what its folder says about it; `source` is its path with forward slashes."""

    source: str
    size_bytes: int
    mtime_ns: int


class Walk(msgspec.Struct, frozen=True, kw_only=True):
    """What lies in a folder.

    Attributes:
        files: In a fixed order.
        skipped: Path and reason of what was refused.
        unknown: Folders that could not be read; what lies in them is not known to be gone.
        complete: False: there are more files than may be read.
    """

    files: list[FoundFile]
    skipped: list[tuple[str, str]]
    unknown: list[str]
    complete: bool


class _Folder(NamedTuple):
    """A folder that is to be looked at, and what is left out of it."""

    path: str
    depth: int
    ignored: Ignored


def walk(root: Path, max_files: int = MAX_FILES, *, only: Sequence[str] | None = None) -> Walk:
    """The files in `root`, a resolved folder or file.

    `only`: of what is, or lies in, one of these; other folders are not opened.
    """
    found = Walk(files=[], skipped=[], unknown=[], complete=True)
    if root.is_file():
        about = root.stat()
        found.files.append(FoundFile(root.as_posix(), about.st_size, about.st_mtime_ns))
        return found
    folders = [_Folder(os.fspath(root), 0, Ignored())]
    while folders:
        folder = folders.pop()
        source = _source(folder.path)
        try:
            with os.scandir(folder.path) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as exc:
            found.unknown.append(source)
            found.skipped.append((source, why(exc)))
            continue
        names = {entry.name for entry in entries}
        if folder.depth and not _ENVIRONMENT_MARKS.isdisjoint(names):
            continue
        ignored = folder.ignored.within(source, _ignore_texts(folder.path, names, found))
        if only is not None:
            entries = [each for each in entries if _leads_to(_source(each.path), only)]
        deeper = _look_at(entries, ignored, root, found)
        if folder.depth >= MAX_DEPTH:
            reason = f"it is nested deeper than {MAX_DEPTH} folders"
            found.skipped.extend((_source(path), reason) for path in deeper)
            continue
        folders += [_Folder(path, folder.depth + 1, ignored) for path in reversed(deeper)]
        if len(found.files) > max_files:
            limit = f"there are more than {max_files:,} files; the rest was not read"
            found.skipped.append((root.as_posix(), limit))
            return msgspec.structs.replace(found, files=found.files[:max_files], complete=False)
    return found


def _leads_to(source: str, wanted: Iterable[str]) -> bool:
    """Whether `source` is, lies in, or is on the way to one of `wanted`."""
    return any(
        source == each or source.startswith(f"{each}/") or each.startswith(f"{source}/")
        for each in wanted
    )


def _look_at(
    entries: Iterable[os.DirEntry[str]], ignored: Ignored, root: Path, found: Walk
) -> list[str]:
    """Add what `entries` are to `found`; the folders among them that are to be read."""
    deeper: list[str] = []
    for entry in entries:
        if entry.name.startswith(".") or entry.name in _LEFT_OUT:
            continue
        source = _source(entry.path)
        if not _is_text(source):
            found.skipped.append((shown(source), "its name is not valid text; rename it"))
            continue
        try:
            is_folder = entry.is_dir(follow_symlinks=False)
            if ignored.leaves_out(source, entry.name, is_folder=is_folder):
                continue
            if is_folder:
                deeper.append(entry.path)
            elif entry.is_file(follow_symlinks=False):
                about = entry.stat(follow_symlinks=False)
                found.files.append(FoundFile(source, about.st_size, about.st_mtime_ns))
            elif entry.is_symlink():
                _look_at_link(entry, root, found)
            else:
                found.skipped.append((source, "it is no file but a pipe, a socket or a device"))
        except OSError as exc:
            found.unknown.append(source)
            found.skipped.append((source, why(exc)))
    return deeper


def _look_at_link(entry: os.DirEntry[str], root: Path, found: Walk) -> None:
    source = _source(entry.path)
    try:
        target = Path(entry.path).resolve(strict=True)
    except (OSError, RuntimeError):  # RuntimeError: a link that leads to itself
        found.skipped.append((source, "the link leads nowhere"))
        return
    if not target.is_relative_to(root):
        found.skipped.append((source, "the link leads out of the folder"))


def _ignore_texts(folder: str, names: AbstractSet[str], found: Walk) -> list[str]:
    """The texts of the folder's ignore files, one for each name that such a file may have."""
    texts: list[str] = []
    for name in IGNORE_FILES:
        data = b""
        if name in names:
            path = Path(folder, name)
            try:
                data, _ = read_file(path, MAX_IGNORE_BYTES)
            except OSError as exc:
                found.skipped.append((path.as_posix(), f"{why(exc)}; it leaves nothing out"))
            if len(data) > MAX_IGNORE_BYTES:
                reason = f"it is larger than {MAX_IGNORE_BYTES // 1024} KiB; it leaves nothing out"
                found.skipped.append((path.as_posix(), reason))
                data = b""
        texts.append(data.decode("utf-8", "surrogateescape"))
    return texts


def _source(path: str) -> str:
    """A path with forward slashes."""
    return path if os.sep == "/" else path.replace(os.sep, "/")


class LinkedError(OSError):
    """A folder on the way to the file is a link now, and may lead anywhere."""


def read_file(path: Path, max_bytes: int) -> tuple[bytes, FoundFile]:
    """The file's bytes, one more than `max_bytes` at most, and its signature at that time.

    Raises:
        OSError: it cannot be read, or is no plain file any more.
        LinkedError: a folder on the way to it is a link now.
    """
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    flags |= getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags)
    with os.fdopen(descriptor, "rb") as file:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode):
            msg = "no plain file"
            raise OSError(msg)
        if not _is_there(path, descriptor):
            msg = "reached through a link"
            raise LinkedError(msg)
        data = file.read(max_bytes + 1)
    return data, FoundFile(path.as_posix(), about.st_size, about.st_mtime_ns)


def _is_there(path: Path, descriptor: int) -> bool:
    """Whether what was opened is at `path`: no folder on the way was replaced by a link."""
    if sys.platform == "linux":
        try:
            return Path(f"/proc/self/fd/{descriptor}").readlink() == path
        except OSError:
            pass  # no such file system here
    return os.path.realpath(path) == os.fspath(path)


def why(error: OSError) -> str:
    """What a person can do about it, without the system's own words."""
    match error:
        case LinkedError():
            return "a folder on the way to it is a link now; add the one that it leads to"
        case PermissionError():
            return "it cannot be read: permission denied"
        case FileNotFoundError():
            return "it is not there any more"
        case _:
            return "it cannot be read"


def shown(path: str) -> str:
    """`path` as it can be shown, whatever its bytes are."""
    return path.encode("utf-8", "backslashreplace").decode()


def _is_text(path: str) -> bool:
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
