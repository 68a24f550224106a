"""Floor 1: the only place that names a concrete store."""

from tailrace.settings import Settings
from tailrace.stores.sqlite.database import Synchronous
from tailrace.stores.sqlite.store import SQLiteStore

DATABASE_FILE = "tailrace.db"


async def open_store(settings: Settings) -> SQLiteStore:
    """The store of `settings.home`, made if there is none.

    Raises:
        StoreError: the home cannot be used.
    """
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    synchronous = Synchronous(settings.synchronous.upper())
    return await SQLiteStore.open(settings.home / DATABASE_FILE, synchronous)
