"""Floor 5: Home, the folder one process owns.

Rule 1: one process at a time holds a home's lock; the lock dies with its process.
Rule 2: whoever finds the lock held learns from `server.json` how to reach its holder.
"""

import errno
import json
import os
from pathlib import Path
from typing import Self

import filelock
import msgspec

from tailrace._ids import new_secret
from tailrace.errors import HomeLockedError, StorageFullError, StoreError

_LOCK_S = 1.0
"""Longer than `holder` has the lock when it looks whether anybody else has."""


class Holder(msgspec.Struct, frozen=True):
    """Who holds a home.

    Attributes:
        pid: Its process id.
        url: Where it serves; "" for a command that serves nothing.
        token: Lets a command of the same user act for the home's owner.
    """

    pid: int
    url: str
    token: str


class Home:
    """A locked home."""

    def __init__(self, folder: Path, lock: filelock.FileLock, token: str) -> None:
        self.folder = folder
        self.token = token
        self._lock = lock
        self._file = folder / "server.json"

    @classmethod
    def lock(cls, folder: Path) -> Self:
        """The home, ours until `unlock`.

        Raises:
            HomeLockedError: another process has it; the message says which.
            StoreError: nothing can be written there.
        """
        lock = filelock.FileLock(folder / "lock", timeout=_LOCK_S)
        home = cls(folder, lock, new_secret())
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock.acquire()
            home.announce("")
        except filelock.Timeout as exc:
            raise HomeLockedError(_held_by(folder, holder(folder))) from exc
        except OSError as exc:
            lock.release()
            error = _cannot_write(folder, exc)
            raise error from exc
        return home

    def announce(self, url: str) -> None:
        """Say where this process serves, to commands of the same user."""
        text = json.dumps({"pid": os.getpid(), "url": url, "token": self.token})
        partial = self._file.with_suffix(".partial")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        partial.replace(self._file)

    def unlock(self) -> None:
        """Let the home go."""
        self._file.unlink(missing_ok=True)
        self._lock.release()


def holder(folder: Path) -> Holder | None:
    """Who holds the home in `folder`; None where nobody does, or it cannot be told."""
    lock = filelock.FileLock(folder / "lock", timeout=0)
    if not folder.is_dir():
        return None
    try:
        with lock:
            return None
    except filelock.Timeout:
        pass
    try:
        return msgspec.json.decode((folder / "server.json").read_bytes(), type=Holder)
    except (OSError, msgspec.DecodeError):
        return Holder(0, "", "")


def _cannot_write(folder: Path, exc: OSError) -> StoreError:
    if exc.errno == errno.ENOSPC:
        return StorageFullError(f"the disk of {folder} is full; free some room and try again")
    why = exc.strerror or type(exc).__name__
    return StoreError(f"{folder} cannot be written ({why}); set TAILRACE_HOME to another folder")


def _held_by(folder: Path, held: Holder | None) -> str:
    if held is not None and held.url:
        return (
            f"a server already runs on {folder}: process {held.pid} at {held.url}. "
            "Use it, stop it, or set TAILRACE_HOME to another folder"
        )
    pid = f" (process {held.pid})" if held is not None and held.pid else ""
    return (
        f"another tailrace command{pid} is at work in {folder}. "
        "Wait for it, or set TAILRACE_HOME to another folder"
    )
