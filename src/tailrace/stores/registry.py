"""Floor 1: the only place that names a concrete store."""

from datetime import datetime
from pathlib import Path
from typing import Final

from tailrace._clock import SYSTEM_CLOCK, Clock
from tailrace.errors import InvalidRequestError, NotFoundError
from tailrace.settings import Settings
from tailrace.stores.base import Store, StoreFacts
from tailrace.stores.damage import Integrity
from tailrace.stores.documents import DocumentStore
from tailrace.stores.erasing import Erasing
from tailrace.stores.recalling import Recalling
from tailrace.stores.sqlite import copying, integrity
from tailrace.stores.sqlite.database import Synchronous
from tailrace.stores.sqlite.documents import SqliteDocuments
from tailrace.stores.sqlite.erasing import SQLiteErasing
from tailrace.stores.sqlite.examine import count_documents, examine
from tailrace.stores.sqlite.recalling import SqliteRecalling
from tailrace.stores.sqlite.store import SQLiteStore
from tailrace.stores.sqlite.vectors import SqliteVectors
from tailrace.stores.vectors import VectorStore

DATABASE_FILE: Final = "tailrace.db"
OLD_PREFIX: Final = "tailrace.before-restore-"


async def open_stores(
    settings: Settings, clock: Clock = SYSTEM_CLOCK
) -> tuple[Store, DocumentStore]:
    """The stores of `settings.home`, made if there are none; closing the first closes both.

    Raises:
        StoreError: the home cannot be used.
        InvalidRequestError: `settings.synchronous` is neither FULL nor NORMAL.
    """
    try:
        synchronous = Synchronous(settings.synchronous.upper())
    except ValueError as exc:
        msg = f"TAILRACE_SYNCHRONOUS={settings.synchronous!r} cannot be used: say FULL or NORMAL"
        raise InvalidRequestError(msg) from exc
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    store = await SQLiteStore.open(settings.home / DATABASE_FILE, synchronous, clock)
    return store, SqliteDocuments(store.database)


def vectors_of(store: Store) -> VectorStore:
    """What finishes the passages of `store` and keeps their vectors.

    Raises:
        TypeError: `store` did not come from `open_stores`.
    """
    if not isinstance(store, SQLiteStore):
        msg = f"a {type(store).__name__} keeps no vectors"
        raise TypeError(msg)
    return SqliteVectors(store.database)


def erasing_of(store: Store) -> Erasing:
    """What removes runs and conversations from `store`.

    Raises:
        TypeError: `store` did not come from `open_stores`.
    """
    if not isinstance(store, SQLiteStore):
        msg = f"nothing can be erased from a {type(store).__name__}"
        raise TypeError(msg)
    return SQLiteErasing(store.database)


def recalling_of(store: Store) -> Recalling:
    """What compares the conversations of `store` with the documents made of them.

    Raises:
        TypeError: `store` did not come from `open_stores`.
    """
    if not isinstance(store, SQLiteStore):
        msg = f"no conversation is recalled from a {type(store).__name__}"
        raise TypeError(msg)
    return SqliteRecalling(store.database)


def examine_store(home: Path) -> StoreFacts | None:
    """What is known of the store of `home`, unchanged; None where there is none yet. Blocking.

    Raises:
        StoreError: it cannot be read.
    """
    path = home / DATABASE_FILE
    return examine(path) if path.is_file() else None


def searchable_documents(home: Path) -> int:
    """How many documents of `home` can be searched; 0 where there is no store yet. Blocking.

    Raises:
        StoreError: it cannot be read.
    """
    path = home / DATABASE_FILE
    return count_documents(path) if path.is_file() else 0


def check_store(home: Path, budget_s: float | None) -> Integrity:
    """What is wrong with what `home` holds; without a budget, all is looked at. Blocking.

    Raises:
        StoreError: there is no store yet, or it cannot be read.
    """
    return integrity.check(home / DATABASE_FILE, budget_s)


def back_up_store(home: Path, target: Path) -> Integrity:
    """Copy the store of `home`, which may be in use, to `target`, and check the copy. Blocking.

    Raises:
        NotFoundError: there is no store yet.
        ConflictError: there is something at `target` already.
        StoreError: it is damaged, or the copy cannot be written.
    """
    path = home / DATABASE_FILE
    if not path.is_file():
        msg = f"there is nothing to back up in {home} yet"
        raise NotFoundError(msg)
    return copying.back_up(path, target)


def files_in(home: Path) -> list[Path]:
    """The files of the store of `home`. Blocking."""
    parts = (DATABASE_FILE, f"{DATABASE_FILE}-wal", f"{DATABASE_FILE}-shm")
    return [home / name for name in parts if (home / name).is_file()]


def copies_in(home: Path) -> list[Path]:
    """Copies that lie in `home`: from before a migration, from before a restore. Blocking."""
    stem = DATABASE_FILE.removesuffix(".db")
    patterns = (f"{OLD_PREFIX}*", f"{stem}.schema-*.backup", f"{DATABASE_FILE}.restoring*")
    return sorted(path for pattern in patterns for path in home.glob(pattern) if path.is_file())


def copy_store(home: Path, target: Path) -> None:
    """Copy the store of `home`, which may be in use, to `target`, damaged or not. Blocking.

    Raises:
        NotFoundError: there is no store yet.
        StoreError: it cannot be read, or the copy cannot be written.
    """
    path = home / DATABASE_FILE
    if not path.is_file():
        msg = f"there is nothing in {home} yet"
        raise NotFoundError(msg)
    copying.copy(path, target)


def restore_store(home: Path, copy: Path, at: datetime) -> Path | None:
    """Put `copy` in the place of the store of `home`, which the caller has locked. Blocking.

    Returns:
        Where the old store is kept; None where there was none.

    Raises:
        NotFoundError: there is nothing at `copy`.
        InvalidRequestError: it is no copy of a home, or one of a newer Tailrace.
        StoreError: it is damaged, or cannot be copied.
    """
    if not copy.is_file():
        msg = f"there is no file {copy}"
        raise NotFoundError(msg)
    return copying.restore(copy, home / DATABASE_FILE, home / f"{OLD_PREFIX}{at:%Y%m%d-%H%M%S}.db")
