"""What SQLite does, told by SQLite itself: through the hooks it offers to any program."""

import threading
from types import TracebackType
from typing import Final, NamedTuple, Self

import apsw

_LIMIT_S: Final = 30.0


class Statement(NamedTuple):
    """One statement, and the thread that ran it."""

    thread: int
    sql: str


class Disk:
    """Observes, holds up or breaks every connection that is opened meanwhile.

    Attributes:
        commits: How many transactions have been committed.
        statements: What was run so far.
        reached: Set once a statement is held up.
        refusals: How many of the next commits fail.
        broken: Statements that have this in them fail; "" for none.
    """

    def __init__(self) -> None:
        self.commits = 0
        self.statements: list[Statement] = []
        self.reached = threading.Event()
        self.refusals = 0
        self.broken = ""
        self._held = ""
        self._free = threading.Event()

    def __enter__(self) -> Self:
        apsw.connection_hooks.append(self._observe)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        apsw.connection_hooks.remove(self._observe)

    def hold(self, part: str) -> None:
        """Hold up the next statement that has `part` in it, until `let_go`."""
        self._free.clear()
        self.reached.clear()
        self._held = part

    def let_go(self) -> None:
        """Let what is held up go on."""
        self._held = ""
        self._free.set()

    def count(self, part: str) -> int:
        """How many statements so far have `part` in them."""
        return sum(part in statement.sql for statement in self.statements)

    def _observe(self, connection: apsw.Connection) -> None:
        connection.exec_trace = self._runs
        connection.set_commit_hook(self._commits)

    def _runs(self, _cursor: object, sql: str, _values: object) -> bool:
        """SQLite's question before a statement: whether to run it."""
        self.statements.append(Statement(threading.get_ident(), sql))
        if self._held and self._held in sql:
            self._held = ""
            self.reached.set()
            self._free.wait(_LIMIT_S)
        return not (self.broken and self.broken in sql)

    def _commits(self) -> bool:
        """SQLite's question before a commit: whether to roll back instead."""
        if self.refusals:
            self.refusals -= 1
            return True
        self.commits += 1
        return False
