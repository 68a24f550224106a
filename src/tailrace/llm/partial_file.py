"""Floor 1: the partial file of a pull; its length is all the state there is.

Rule: a full disk is told apart from everything else that can go wrong with a file.
"""

import errno
import hashlib
import os
import threading
from pathlib import Path

from tailrace.errors import StorageFullError
from tailrace.llm.blocking import in_thread

PIECE_BYTES = 1024 * 1024
_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}  # no quota on Windows


def size_of(path: Path) -> int:
    """The size of the file at `path`; 0 where there is none."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def append(path: Path, data: bytes | bytearray, at: int) -> None:
    """Write `data` into the file at `path`, from byte `at` on, and cut what stood after it.

    Raises:
        StorageFullError: no room left on the disk.
        OSError: the file cannot be written.
    """
    try:
        with path.open("r+b" if path.exists() else "wb") as file:
            file.seek(at)
            file.write(data)
            file.truncate()
    except OSError as exc:
        if exc.errno not in _FULL:
            raise
        msg = f"no room left on the disk of {path.parent}; free some and pull again"
        raise StorageFullError(msg) from exc


def discard(path: Path) -> None:
    """Delete the file at `path`, if there is one."""
    path.unlink(missing_ok=True)


async def sha256_of(path: Path) -> str:
    """The SHA-256 of the file at `path`, in hexadecimal."""

    def digest(unwanted: threading.Event) -> str:
        state = hashlib.sha256()
        with path.open("rb") as file:
            while (piece := file.read(PIECE_BYTES)) and not unwanted.is_set():
                state.update(piece)
        return state.hexdigest()

    return await in_thread(digest)


def flush(path: Path) -> None:
    """Return when the bytes of the file at `path` survive a loss of power."""
    with path.open("r+b") as file:
        os.fsync(file.fileno())
