"""Floor 1: brings a database to the newest schema: numbered SQL files, forward only.

Rule 1: a migration and its number are one transaction.
Rule 2: a database that holds data is copied before it is changed.
"""

from importlib import resources
from pathlib import Path
from typing import Final

import apsw

from tailrace.errors import StoreError

_FOLDER: Final = "migrations"


def migrations() -> list[tuple[int, str]]:
    """Each migration's number and SQL, in order."""
    folder = resources.files("tailrace.stores.sqlite") / _FOLDER
    files = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return [(int(name.split("_")[0]), (folder / name).read_text("utf-8")) for name in files]


def migrate(connection: apsw.Connection, path: Path) -> None:
    """Apply what is missing.

    Raises:
        StoreError: the database was made by a newer Tailrace.
    """
    have = int(connection.pragma("user_version") or 0)
    steps = migrations()
    newest = steps[-1][0]
    if have > newest:
        msg = (
            f"this home was made by a newer Tailrace (schema {have}, this one knows {newest}); "
            "update Tailrace or use another TAILRACE_HOME"
        )
        raise StoreError(msg)
    if 0 < have < newest:
        _back_up(connection, path, have)
    for number, sql in steps:
        if number > have:
            with connection:
                connection.execute(sql)
                connection.pragma("user_version", number)


def _back_up(connection: apsw.Connection, path: Path, version: int) -> None:
    copy = path.with_suffix(f".schema-{version}.backup")
    if not copy.exists():
        connection.execute("VACUUM INTO ?", (str(copy),))
