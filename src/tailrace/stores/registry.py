"""Floor 1: the only place that names a concrete store."""

from pathlib import Path
from typing import Final

from tailrace._clock import SYSTEM_CLOCK, Clock
from tailrace.errors import InvalidRequestError
from tailrace.settings import Settings
from tailrace.stores.base import Store, StoreFacts
from tailrace.stores.documents import DocumentStore
from tailrace.stores.sqlite.database import Synchronous
from tailrace.stores.sqlite.documents import SqliteDocuments
from tailrace.stores.sqlite.examine import count_documents, examine
from tailrace.stores.sqlite.store import SQLiteStore

DATABASE_FILE: Final = "tailrace.db"


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
