"""Floor 1: copies of a whole database: made, checked, put back. Blocking.

Rule 1: a copy is checked before it has its name; until then it is a hidden `.partial`.
Rule 2: nothing that is there is ever overwritten: a copy's name is free, and the database that a
    copy takes the place of is put aside.
"""

import os
import shutil
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Final

import apsw

from tailrace.errors import ConflictError, InvalidRequestError, StorageFullError, StoreError
from tailrace.stores.damage import Integrity
from tailrace.stores.sqlite.integrity import check, is_sound
from tailrace.stores.sqlite.migrate import migrations

_BESIDE: Final = ("-wal", "-shm")
_BUSY_TIMEOUT_MS: Final = 5_000


def back_up(path: Path, target: Path) -> Integrity:
    """Copy the database at `path`, which may be in use, to `target`, and check the copy.

    Raises:
        ConflictError: there is something at `target` already.
        StorageFullError: there is no room for it.
        StoreError: the database is damaged, or the copy cannot be written.
    """
    if os.path.lexists(target):
        raise ConflictError(_taken(target))
    partial = _new_file(target)
    try:
        copy(path, partial)
        found = _verified(partial, path)
        _place(partial, target)
    except OSError as exc:
        error = _cannot_write(exc, target)
        raise error from exc
    finally:
        for each in ("", "-journal"):
            _beside(partial, each).unlink(missing_ok=True)
    return found


def restore(original: Path, path: Path, aside: Path) -> Path | None:
    """Put `original`, which is checked first, in the place of the database at `path`.

    Nobody else may have that open.

    Returns:
        Where the old database is now; None where there was none.

    Raises:
        ConflictError: there is something at `aside` already.
        InvalidRequestError: `original` is no copy of a home, or one of a newer Tailrace.
        StoreError: `original` is damaged, or cannot be copied.
    """
    if os.path.lexists(aside):
        raise ConflictError(_taken(aside))
    partial = _beside(path, ".restoring")
    try:
        shutil.copyfile(original, partial)  # first: the check then holds for what is put in place
        partial.chmod(0o600)
        _verified(partial, original)
        _sync(partial)
        _put_aside(path, aside)
        partial.replace(path)
        _sync(path.parent)
    except OSError as exc:
        error = _cannot_write(exc, path)
        raise error from exc
    finally:
        for each in ("", *_BESIDE):
            _beside(partial, each).unlink(missing_ok=True)
    return aside if aside.exists() else None


def _verified(path: Path, original: Path) -> Integrity:
    """What was compared in the copy at `path`, all of which is as it was written.

    Raises:
        InvalidRequestError: it is no copy of a home, or one of a newer Tailrace.
        StoreError: it is damaged.
    """
    try:
        with closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)) as connection:
            schema = int(connection.pragma("user_version") or 0)
            sound = is_sound(connection)
    except apsw.Error as exc:
        msg = f"{original} is no copy of a home, or is damaged"
        raise StoreError(msg) from exc
    newest = migrations()[-1][0]
    if not 0 < schema <= newest:
        what = "was made by a newer Tailrace" if schema else "is no copy of a home"
        msg = f"{original} {what} (schema {schema}, this one knows 1 to {newest})"
        raise InvalidRequestError(msg)
    found = check(path)
    if not sound or not found.intact:
        msg = f"{original} is damaged; `tailrace doctor` says what is damaged in a home"
        raise StoreError(msg)
    return found


def copy(path: Path, target: Path) -> None:
    """Copy the database at `path`, which may be in use, to `target`: nothing, or an empty file.

    Raises:
        StorageFullError: there is no room for it.
        StoreError: the database cannot be read, or the copy cannot be written.
    """
    try:
        with closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)) as connection:
            connection.set_busy_timeout(_BUSY_TIMEOUT_MS)
            connection.execute("VACUUM INTO ?", (str(target),))
    except apsw.FullError as exc:
        msg = f"there is no room for a copy at {target.parent}; choose another place"
        raise StorageFullError(msg) from exc
    except apsw.Error as exc:
        msg = f"{path} cannot be copied; `tailrace doctor` says whether it is damaged"
        raise StoreError(msg) from exc


def _new_file(target: Path) -> Path:
    """An empty file beside `target`, which only its user can read.

    Raises:
        StoreError: there can be none.
    """
    try:
        descriptor, name = tempfile.mkstemp(".partial", f".{target.name}.", target.parent)
    except OSError as exc:
        error = _cannot_write(exc, target)
        raise error from exc
    os.close(descriptor)
    return Path(name)


def _place(partial: Path, target: Path) -> None:
    """Give the copy its name.

    Raises:
        ConflictError: somebody took it meanwhile.
    """
    _sync(partial)
    try:
        os.link(partial, target)
    except FileExistsError as exc:
        raise ConflictError(_taken(target)) from exc
    except OSError:  # a file system without links
        if os.path.lexists(target):
            raise ConflictError(_taken(target)) from None
        partial.rename(target)
    _sync(target.parent)


def _put_aside(path: Path, aside: Path) -> None:
    """Move the database away, unopened, with its log: that belongs to it, and to no other."""
    _beside(path, "-shm").unlink(missing_ok=True)  # made anew of the log
    for suffix in ("-wal", ""):
        if (part := _beside(path, suffix)).exists():
            part.rename(_beside(aside, suffix))


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _sync(path: Path) -> None:
    if os.name == "nt" and path.is_dir():
        return  # a folder cannot be opened there
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _taken(path: Path) -> str:
    return f"there is something at {path} already; choose another name"


def _cannot_write(exc: OSError, path: Path) -> StoreError:
    return StoreError(f"{path} cannot be written: {exc.strerror or type(exc).__name__}")
