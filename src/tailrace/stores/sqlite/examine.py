"""Floor 1: what a database holds and whether it can be used, without changing it. Blocking."""

from pathlib import Path

import apsw

from tailrace.errors import StoreError
from tailrace.stores.base import StoreFacts
from tailrace.stores.documents import DocumentStatus
from tailrace.stores.sqlite.migrate import migrations


def examine(path: Path) -> StoreFacts:
    """What is known of the database at `path`, which may be in use.

    Raises:
        StoreError: it cannot be opened, or is no database.
    """
    try:
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        try:
            found = str(connection.pragma("quick_check"))
            schema = int(connection.pragma("user_version") or 0)
        finally:
            connection.close()
    except apsw.Error as exc:
        msg = f"{path} cannot be read as a database"
        raise StoreError(msg) from exc
    return StoreFacts(
        engine=f"SQLite {apsw.sqlite_lib_version()}",
        full_text="ENABLE_FTS5" in apsw.compile_options,
        intact=found == "ok",
        schema=schema,
        newest_schema=migrations()[-1][0],
    )


def count_documents(path: Path) -> int:
    """How many documents of the database at `path`, which may be in use, can be searched.

    Raises:
        StoreError: it cannot be read.
    """
    try:
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        try:
            sql = "SELECT count(*) FROM documents WHERE status = ? AND origin <> 'conversation'"
            return int(connection.execute(sql, (DocumentStatus.SEARCHABLE.value,)).get)
        finally:
            connection.close()
    except apsw.Error as exc:
        msg = f"{path} cannot be read as a database"
        raise StoreError(msg) from exc
