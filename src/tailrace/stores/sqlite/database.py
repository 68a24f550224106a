"""Floor 1: Database, one SQLite file with one writer thread and adaptive group commit.

Rule 1: one thread writes; it takes whatever waits, commits it as one transaction, then answers.
    There is no timer: an idle system commits at once, a busy one commits more at a time.
Rule 2: an operation is a pure function of the connection: it may be run twice (see `_commit`),
    and only the run that is committed counts.
Rule 3: an operation that raises takes back what it did and nothing else of its transaction.
"""

import asyncio
import queue
import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Self, TypeVar

import apsw

from tailrace.errors import StorageFullError, StoreError

T = TypeVar("T")

Operation = Callable[[apsw.Connection], T]

_MAX_WAITING: Final = 10_000
_MAX_GROUP: Final = 1_000
_READERS: Final = 2
_BUSY_TIMEOUT_MS: Final = 5_000


class Synchronous(StrEnum):
    """What a commit survives: FULL a power loss, NORMAL a killed process."""

    FULL = "FULL"
    NORMAL = "NORMAL"


class _Job:
    """An operation on its way through the writer thread, and what came of it."""

    __slots__ = ("alone", "error", "future", "operation", "result")

    def __init__(
        self, operation: Operation[Any], future: "asyncio.Future[Any]", *, alone: bool = False
    ) -> None:
        self.alone = alone
        self.operation = operation
        self.future = future
        self.result: Any = None
        self.error: BaseException | None = None


class Database:
    """One SQLite file; belongs to the event loop that opened it."""

    def __init__(self, path: Path, synchronous: Synchronous) -> None:
        self._path = path
        self._synchronous = synchronous
        self._loop = asyncio.get_running_loop()
        self._jobs: queue.SimpleQueue[list[_Job] | None] = queue.SimpleQueue()
        self._said: list[_Job] = []
        self._waiting = 0
        self._closed = False
        self._local = threading.local()
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="tailrace-read")
        self._writer = threading.Thread(target=self._write_loop, name="tailrace-write", daemon=True)

    @classmethod
    async def open(
        cls, path: Path, synchronous: Synchronous, prepare: Operation[None] | None = None
    ) -> Self:
        """The database at `path`, made if there is none; `prepare` runs first, outside groups.

        Raises:
            StoreError: the file cannot be opened, is no database, or `prepare` raised.
        """
        database = cls(path, synchronous)
        if prepare is not None:
            connection = await asyncio.to_thread(database._connect)
            try:
                with _our_words():
                    await asyncio.to_thread(prepare, connection)
            finally:
                await asyncio.to_thread(connection.close)
        database._writer.start()
        return database

    def write(self, operation: Operation[T]) -> "asyncio.Future[T]":
        """Run `operation` in the next transaction; done once that is committed.

        Raises:
            StoreError: the database is closed, or 10,000 operations wait already.
        """
        return self._put(operation, alone=False)

    def alone(self, operation: Operation[T]) -> "asyncio.Future[T]":
        """Run `operation` on the writer outside any transaction; all other writes wait for it.

        It is no part of what `write` promises: it commits by itself, and is never run twice.

        Raises:
            StoreError: the database is closed, or 10,000 operations wait already.
        """
        return self._put(operation, alone=True)

    def _put(self, operation: Operation[T], *, alone: bool) -> "asyncio.Future[T]":
        if self._closed:
            msg = "the store is closed"
            raise StoreError(msg)
        if self._waiting >= _MAX_WAITING:
            msg = f"{_MAX_WAITING:,} writes wait for the disk; try again later"
            raise StoreError(msg, retryable=True)
        future: asyncio.Future[T] = self._loop.create_future()
        self._waiting += 1
        if not self._said:
            self._loop.call_soon(self._hand_over)
        self._said.append(_Job(operation, future, alone=alone))
        return future

    async def read(self, operation: Operation[T]) -> T:
        """What `operation` finds, on a connection of its own that sees every committed write.

        Raises:
            StoreError: the file cannot be read.
        """
        return await self._loop.run_in_executor(self._readers, self._read, operation)

    async def aclose(self) -> None:
        """Commit what waits, then close; safe to call twice."""
        if self._closed:
            return
        self._closed = True
        self._hand_over()
        self._jobs.put(None)
        await asyncio.to_thread(self._writer.join)
        await asyncio.to_thread(self._readers.shutdown)

    def _connect(self) -> apsw.Connection:
        with _our_words():
            connection = apsw.Connection(str(self._path))
            connection.set_busy_timeout(_BUSY_TIMEOUT_MS)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(f"PRAGMA synchronous = {self._synchronous}")
            connection.execute("PRAGMA foreign_keys = ON")
        return connection

    def _read(self, operation: Operation[T]) -> T:
        connection: apsw.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._connect()
            connection.execute("PRAGMA query_only = ON")
            self._local.connection = connection
        with _our_words():
            return operation(connection)

    def _hand_over(self) -> None:
        """Give the writer all that was said in this turn of the loop: it is woken once for it."""
        if self._said:
            jobs, self._said = self._said, []
            self._jobs.put(jobs)

    def _write_loop(self) -> None:
        connection = self._connect()
        open_ = True
        while open_:
            group: list[_Job] = []
            jobs = self._jobs.get()
            while jobs is not None:
                group += jobs
                if len(group) >= _MAX_GROUP:
                    break
                try:
                    jobs = self._jobs.get_nowait()
                except queue.Empty:
                    break
            open_ = jobs is not None
            if group:
                self._run(connection, group)
                self._loop.call_soon_threadsafe(self._deliver, group)
        connection.close()

    def _run(self, connection: apsw.Connection, group: Sequence[_Job]) -> None:
        """Commit the group; those of it that want to be alone come after the others."""
        alone = [job for job in group if job.alone]
        together = [job for job in group if not job.alone] if alone else group
        if together:
            self._commit(connection, together)
        for job in alone:
            try:
                job.result = job.operation(connection)
            except Exception as exc:  # noqa: BLE001 - a bug in one must not end the writer of all
                _roll_back(connection)
                job.error = _translate(exc)

    def _commit(self, connection: apsw.Connection, group: Sequence[_Job]) -> None:
        """Commit the group; where one of it raises, again with a savepoint around each."""
        try:
            connection.execute("BEGIN IMMEDIATE")
            for job in group:
                job.result = job.operation(connection)
            connection.execute("COMMIT")
        except Exception:  # noqa: BLE001 - whatever it was, each job learns its own error below
            _roll_back(connection)
            self._commit_one_by_one(connection, group)

    def _commit_one_by_one(self, connection: apsw.Connection, group: Sequence[_Job]) -> None:
        try:
            connection.execute("BEGIN IMMEDIATE")
            for job in group:
                connection.execute("SAVEPOINT job")
                try:
                    job.result = job.operation(connection)
                except Exception as exc:  # a bug in one must not end the writer of all
                    job.error = _translate(exc)
                    if not connection.in_transaction:  # all was taken back, as on a full disk
                        raise
                    connection.execute("ROLLBACK TO job")
                connection.execute("RELEASE job")
            connection.execute("COMMIT")
        except apsw.Error as exc:
            _roll_back(connection)
            for job in group:
                job.error = job.error or _translate(exc)

    def _deliver(self, group: Sequence[_Job]) -> None:
        self._waiting -= len(group)
        for job in group:
            if job.future.done():  # its owner was cancelled meanwhile
                continue
            if job.error is None:
                job.future.set_result(job.result)
            else:
                job.future.set_exception(job.error)


@contextmanager
def _our_words() -> Generator[None]:
    """The driver's errors, raised in our own words."""
    try:
        yield
    except apsw.Error as exc:
        error = _translate(exc)
        raise error from exc


def _roll_back(connection: apsw.Connection) -> None:
    if connection.in_transaction:  # some errors, a full disk among them, roll back by themselves
        connection.execute("ROLLBACK")


def _translate(error: Exception) -> Exception:
    """The driver's errors in our own words; others pass as they are."""
    match error:
        case apsw.FullError():
            msg = "the disk is full; free some room and try again"
            return StorageFullError(msg)
        case apsw.ReadOnlyError():
            msg = "the data folder cannot be written; check its permissions"
            return StoreError(msg)
        case apsw.NotADBError() | apsw.CorruptError():
            msg = "the database is damaged; restore a backup"
            return StoreError(msg)
        case apsw.Error():
            failed = StoreError("the database could not do what was asked of it")
            failed.__cause__ = error
            return failed
        case _:
            return error
