"""Floor 2: Ingest, what keeps the index like the folders a person added; `Scan` looks at them.

Rule 1: one scan at a time; files are read outside of the event loop, a few at a time.
Rule 2: what is added, whichever way, is searchable when the call returns.
"""

import asyncio
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from tailrace._clock import SYSTEM_CLOCK, Clock
from tailrace.context.decode import clean
from tailrace.context.pool import ParserPool
from tailrace.context.read import too_large
from tailrace.context.report import (
    FileOutcome,
    FileStatus,
    IngestProgress,
    IngestReport,
    OnProgress,
    total,
)
from tailrace.context.scan import Root, Scan, is_within
from tailrace.context.walk import FoundFile, shown
from tailrace.errors import ErrorCode, InvalidRequestError, NotFoundError
from tailrace.stores.documents import DocumentOrigin, DocumentRow, DocumentStatus, DocumentStore

_MAX_NAME_CHARS: Final = 255


class Ingest:
    """Reads documents into a store; one for a home.

    Attributes:
        on_folders: Called when a folder was added, or forgotten.
    """

    def __init__(
        self,
        store: DocumentStore,
        *,
        reader: ParserPool,
        max_document_bytes: int,
        clock: Clock = SYSTEM_CLOCK,
        home: Path | None = None,
    ) -> None:
        """Keep `store` up to date with what `reader` reads; whoever made `reader` closes it.

        Nothing in `home` is read, wherever it lies: there are our own files, with secrets.
        """
        self._apart = () if home is None else (home.resolve().as_posix(),)
        self.on_folders: Callable[[], None] = _nothing
        self._store = store
        self._reader = reader
        self._max_bytes = max_document_bytes
        self._clock = clock
        self._scanning = asyncio.Lock()

    async def check_path(self, path: Path) -> None:
        """Nothing, where there is something at `path` that can be added.

        Raises:
            NotFoundError: there is nothing at `path`.
            InvalidRequestError: it is neither a folder nor a file.
        """
        await asyncio.to_thread(_resolve, path)

    async def add_path(
        self, path: Path, *, owner: str = "", on_progress: OnProgress | None = None
    ) -> IngestReport:
        """Read a folder or a file, and remember it for `rescan`.

        Raises:
            NotFoundError: there is nothing at `path`.
            InvalidRequestError: it is neither a folder nor a file.
        """
        root = await asyncio.to_thread(_resolve, path)
        source = root.as_posix()
        async with self._scanning:
            await self._store.add_folder(owner, source, self._clock.now())
            self.on_folders()
            folders = await self._store.folders(owner)
            inside = [each for each in folders if is_within(each, source)]
            return await self._scan(inside, folders, owner, on_progress)

    async def rescan(
        self, *, owner: str = "", on_progress: OnProgress | None = None
    ) -> IngestReport:
        """Bring the index up to date with everything that was added by path."""
        async with self._scanning:
            await self._store.sweep()
            folders = await self._store.folders(owner)
            return await self._scan(folders, folders, owner, on_progress)

    async def update_paths(self, paths: Iterable[str], *, owner: str = "") -> IngestReport:
        """Bring the index up to date with those files and folders, in what was added by path."""
        changed = sorted(set(paths))
        async with self._scanning:
            folders = await self._store.folders(owner)
            wanted = [each for each in folders if any(is_within(path, each) for path in changed)]
            return await self._scan(wanted, folders, owner, None, changed)

    async def _scan(
        self,
        wanted: Sequence[str],
        folders: Sequence[str],
        owner: str,
        on_progress: OnProgress | None,
        changed: Sequence[str] | None = None,
    ) -> IngestReport:
        """Look at each of `wanted`, a folder in a folder by itself only, or at what `changed`."""
        reports: list[IngestReport] = []
        roots: list[Root] = []
        for folder in wanted:
            if await asyncio.to_thread(Path(folder).exists):
                others = [each for each in folders if each != folder and is_within(each, folder)]
                inside = None
                if changed is not None:
                    inside = tuple(each for each in changed if is_within(each, folder))
                roots.append(Root(path=folder, others=(*others, *self._apart), only=inside))
            else:
                reason = "it is not there; its documents are kept until it is removed"
                reports.append(IngestReport(failed=((folder, reason),)))
                lost = FileOutcome(source=folder, status=FileStatus.FAILED, reason=reason)
                if on_progress is not None:
                    await on_progress(IngestProgress(files=(lost,), path=folder))
        scan = Scan(
            self._store,
            self._reader,
            self._clock,
            owner=owner,
            max_bytes=self._max_bytes,
            on_progress=on_progress,
        )
        return total([*reports, await scan.run(roots)])

    async def add_text(
        self,
        name: str,
        content: bytes | str,
        *,
        owner: str = "",
        origin: DocumentOrigin = DocumentOrigin.UPLOAD,
    ) -> DocumentRow:
        """Keep what was handed in under `name`; the same name again replaces it.

        Raises:
            InvalidRequestError: it cannot be read, or is too large; the message says why.
        """
        source = PurePosixPath(clean(name).replace("\\", "/").strip()).name[-_MAX_NAME_CHARS:]
        if not source:
            msg = "a document needs a name, such as notes.md"
            raise InvalidRequestError(msg)
        data = clean(content).encode() if isinstance(content, str) else content
        if len(data) > self._max_bytes:
            msg = f"{source!r} cannot be added: {too_large(self._max_bytes)}"
            raise InvalidRequestError(msg, code=ErrorCode.BODY_TOO_LARGE)
        file = FoundFile(source, len(data), 0)
        reading = await self._reader.read_bytes(owner, file, data, origin)
        if reading.document.status is not DocumentStatus.SEARCHABLE:
            msg = f"{source!r} cannot be added: {reading.document.reason}"
            raise InvalidRequestError(msg)
        return await self._store.put(reading.document, reading.chunks, self._clock.now())

    async def remove(self, document_id: int, *, owner: str = "") -> None:
        """Remove a document; one from a folder does not come back until the folder is added again.

        Raises:
            NotFoundError: there is none, or it is somebody else's.
        """
        document = await self._store.get(document_id, owner)
        excluded = document.origin is DocumentOrigin.FOLDER
        await self._store.delete(document_id, owner, exclude=excluded)

    async def forget_path(self, path: Path, *, owner: str = "") -> int:
        """Remove a folder that was added, with its documents; how many they were.

        Raises:
            NotFoundError: it was not added.
        """
        candidates = await asyncio.to_thread(_names, path)
        async with self._scanning:
            folders = await self._store.folders(owner)
            folder = next((each for each in candidates if each in folders), None)
            if folder is None:
                msg = f"{shown(str(path))!r} was not added"
                raise NotFoundError(msg)
            removed = await self._store.forget_folder(owner, folder)
            self.on_folders()
            return removed


def _nothing() -> None:
    """Nobody listens."""


def _resolve(path: Path) -> Path:
    try:
        root = path.expanduser().resolve(strict=True)
    except (OSError, RuntimeError) as exc:  # RuntimeError: no home folder, or a link to itself
        msg = f"there is nothing at {shown(str(path))!r}"
        raise NotFoundError(msg) from exc
    if not root.is_dir() and not root.is_file():
        msg = f"{shown(str(path))!r} is neither a folder nor a file"
        raise InvalidRequestError(msg)
    if shown(str(root)) != str(root):
        msg = f"the name of {shown(str(root))!r} is not valid text; rename it"
        raise InvalidRequestError(msg)
    return root


def _names(path: Path) -> tuple[str, str]:
    """What `path` may have been added as, there or gone."""
    return path.as_posix(), Path(os.path.realpath(path)).as_posix()
