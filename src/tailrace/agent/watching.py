"""Floor 5: Watching, keeps the index like the added folders while a server runs.

Rule 1: the system tells what changed; only that is looked at, within a moment of a save.
Rule 2: what the system does not tell, as on many network drives, is found by a look at everything,
    at the start and every ten minutes.
Rule 3: where watching fails, that look remains; watching is tried again, less and less often.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Final, Self

from watchfiles import watch

from tailrace.context.ignore import NAMES as IGNORE_FILES
from tailrace.context.ingest import Ingest
from tailrace.context.report import IngestReport
from tailrace.errors import StoreError
from tailrace.settings import Settings
from tailrace.stores.documents import DocumentStore

_log = logging.getLogger(__name__)

_DEBOUNCE_MS: Final = 400
_STEP_MS: Final = 50
_TIMEOUT_MS: Final = 200
_MOST_PATHS: Final = 1_000
_FIRST_PAUSE_S: Final = 1.0
_MAX_PAUSE_S: Final = 600.0


class Watching:
    """Watches the folders of one home; one task, started once.

    Attributes:
        on_report: Told what came of each look.
        folders: How many are watched.
        problem: Why they are not; "" where they are, or there are none.
    """

    def __init__(self, ingest: Ingest, documents: DocumentStore, settings: Settings) -> None:
        self.on_report: Callable[[IngestReport], None] = _nothing
        self.folders = 0
        self.problem = ""
        self._ingest = ingest
        self._documents = documents
        self._home = settings.home.resolve()
        self._rescan_s = settings.rescan_s
        self._is_wanted = settings.watch_folders
        self._task: asyncio.Task[None] | None = None
        self._moved = False
        self._bell = asyncio.Event()

    @property
    def is_at_work(self) -> bool:
        """Whether it was started, and not stopped."""
        return self._task is not None

    @property
    def state(self) -> str:
        """What it does, for people."""
        if self._task is None:
            return "not watched while no server runs"
        if self.problem:
            return f"not watched, looked at every {self._rescan_s:.0f} s: {self.problem}"
        if not self._is_wanted:
            return f"not watched, looked at every {self._rescan_s:.0f} s: TAILRACE_WATCH_FOLDERS"
        return f"{self.folders:,} watched, looked at every {self._rescan_s:.0f} s"

    def start(self) -> None:
        """Begin to watch."""
        self._ingest.on_folders = self._folders_changed
        self._task = asyncio.create_task(self._keep(), name="watching")

    async def aclose(self) -> None:
        """Watch no more; safe to call twice."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def _keep(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                await self._round()
            except StoreError as error:
                _log.warning("folders could not be looked at: %s", error.message)
                self.problem = error.message
            except (OSError, RuntimeError) as error:
                _log.warning("folders cannot be watched: %s", error)
                self.problem = "the system refuses to watch them; the log file says why"
                with suppress(StoreError):
                    await self._look_at_all()
            else:
                self.problem, pause_s = "", _FIRST_PAUSE_S
                continue
            await self._rung(asyncio.get_running_loop().time() + min(pause_s, self._rescan_s))
            pause_s = min(2 * pause_s, _MAX_PAUSE_S)

    async def _round(self) -> None:
        """Watch what is there to be watched, until that changes, or it is time to look at all.

        Raises:
            StoreError: the store cannot be read or written.
            OSError: the system does not let us watch.
            RuntimeError: likewise.
        """
        self._moved = False
        owners = await self._owners()
        roots = [root for folders in owners.values() for root in folders]
        there = await asyncio.to_thread(lambda: [root for root in roots if Path(root).exists()])
        folders = await asyncio.to_thread(lambda: [each for each in there if Path(each).is_dir()])
        self.folders = len(there)
        beside = {PurePosixPath(each).parent.as_posix() for each in there if each not in folders}
        if not self._is_wanted:
            folders, beside = [], set[str]()
        loop = asyncio.get_running_loop()
        until = loop.time() + self._rescan_s
        async with (
            _Changes(folders, self._bell, recursive=True) as deep,
            _Changes(beside, self._bell, recursive=False) as flat,
        ):
            if folders or beside:  # from here on, nothing is missed
                await self._rung(until)
            await self._look_at_all()
            while not self._moved and loop.time() < until:
                await self._look_at(owners, [*deep.take(), *flat.take()])
                await self._rung(until)

    async def _rung(self, until: float) -> None:
        """Return once something is new, or the time has come."""
        with suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                await self._bell.wait()
        self._bell.clear()

    def _folders_changed(self) -> None:
        self._moved = True
        self._bell.set()

    async def _owners(self) -> dict[str, list[str]]:
        owners = await self._documents.owners_of_folders()
        return {owner: await self._documents.folders(owner) for owner in owners}

    async def _look_at_all(self) -> None:
        for owner in await self._documents.owners_of_folders():
            self.on_report(await self._ingest.rescan(owner=owner))

    async def _look_at(self, owners: dict[str, list[str]], paths: Sequence[str]) -> None:
        """Bring the index up to date with what was saved, moved or removed at `paths`."""
        if len(paths) >= _MOST_PATHS:
            await self._look_at_all()
            return
        for owner, folders in owners.items():
            wanted = [each for path in paths for each in self._meant(path, folders)]
            if wanted:
                self.on_report(await self._ingest.update_paths(wanted, owner=owner))

    def _meant(self, path: str, folders: Iterable[str]) -> list[str]:
        """What is to be looked at because of `path`, in those of `folders` it lies in."""
        changed = Path(path)
        if changed.is_relative_to(self._home):
            return []  # what the store writes is no reason to write more
        found: list[str] = []
        for folder in folders:
            if not changed.is_relative_to(folder):
                continue
            *above, name = ("", *changed.relative_to(folder).parts)
            if any(each.startswith(".") for each in above):
                continue
            if name in IGNORE_FILES:
                found.append(changed.parent.as_posix())
            elif not name.startswith("."):
                found.append(changed.as_posix())
        return found


class _Changes:
    """What changes in some folders, from a thread of its own that waits for the system to tell."""

    def __init__(self, folders: Iterable[str], bell: asyncio.Event, *, recursive: bool) -> None:
        """Watch `folders`, and ring `bell` when there is something to take."""
        self._folders = sorted(folders)
        self._recursive = recursive
        self._loop = asyncio.get_running_loop()
        self._stop = threading.Event()
        self._bell = bell
        self._ended = asyncio.Event()
        self._paths: set[str] = set()
        self._error: OSError | RuntimeError | None = None

    async def __aenter__(self) -> Self:
        if self._folders:
            threading.Thread(target=self._run, name="tailrace-watch", daemon=True).start()
        else:
            self._ended.set()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stop.set()
        await self._ended.wait()

    def take(self) -> set[str]:
        """What has changed since the last time; of very much, only some.

        Raises:
            OSError: the system does not let us watch.
            RuntimeError: likewise.
        """
        if self._error is not None:
            raise self._error
        paths, self._paths = self._paths, set()
        return paths

    def _run(self) -> None:
        watches = False
        try:
            for changes in watch(
                *self._folders,
                watch_filter=None,
                debounce=_DEBOUNCE_MS,
                step=_STEP_MS,
                stop_event=self._stop,
                rust_timeout=_TIMEOUT_MS,
                yield_on_timeout=True,
                raise_interrupt=False,
                recursive=self._recursive,
                ignore_permission_denied=True,
            ):
                if changes or not watches:  # the first time, that it watches
                    self._tell(lambda changes=changes: self._add(path for _, path in changes))
                watches = True
        except (OSError, RuntimeError) as error:
            failure = error
            self._tell(lambda: self._fail(failure))
        self._tell(self._ended.set)

    def _tell(self, call: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop has ended meanwhile
            self._loop.call_soon_threadsafe(call)

    def _add(self, paths: Iterable[str]) -> None:
        for path in paths:
            if len(self._paths) >= _MOST_PATHS:
                break
            self._paths.add(path)
        self._bell.set()

    def _fail(self, error: OSError | RuntimeError) -> None:
        self._error = error
        self._bell.set()


def _nothing(report: IngestReport) -> None:
    """Nobody listens."""
    del report
