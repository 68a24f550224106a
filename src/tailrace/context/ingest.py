"""Floor 2: Ingest, what keeps the index like the folders a person added.

Rule 1: a file is read again only where its size or date changed, indexed only where its bytes did.
Rule 2: a document is removed only where its file is known to be gone: a folder that cannot be read
    loses nothing.
Rule 3: one scan at a time; files are read outside of the event loop, a few at a time.
Rule 4: a file whose bytes could be had and whose content could not be read (FAILED, with a hash)
    is tried again when it changed; one that could not be opened, at every scan.
"""

import asyncio
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Final, assert_never

from tailrace._clock import SYSTEM_CLOCK, Clock
from tailrace.context.decode import clean
from tailrace.context.pool import ParserPool
from tailrace.context.read import Reading, SameBytes, refusal, too_large
from tailrace.context.report import IngestProgress, IngestReport, OnProgress, total
from tailrace.context.walk import FoundFile, Walk, shown, walk
from tailrace.errors import ErrorCode, InvalidRequestError, NotFoundError
from tailrace.stores.documents import (
    DocumentOrigin,
    DocumentRow,
    DocumentStatus,
    DocumentStore,
    Signature,
    Touch,
)

_FILES_AT_A_TIME: Final = 16
_BYTES_AT_A_TIME: Final = 1024 * 1024
_MAX_NAME_CHARS: Final = 255


class Ingest:
    """Reads documents into a store; one for a home."""

    def __init__(
        self,
        store: DocumentStore,
        *,
        reader: ParserPool,
        max_document_bytes: int,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """Keep `store` up to date with what `reader` reads; whoever made `reader` closes it."""
        self._store = store
        self._reader = reader
        self._max_bytes = max_document_bytes
        self._clock = clock
        self._scanning = asyncio.Lock()

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
            folders = await self._store.folders(owner)
            inside = [each for each in folders if _is_within(each, source)]
            return await self._scan_all(inside, folders, owner, on_progress)

    async def rescan(
        self, *, owner: str = "", on_progress: OnProgress | None = None
    ) -> IngestReport:
        """Bring the index up to date with everything that was added by path."""
        async with self._scanning:
            await self._store.sweep()
            folders = await self._store.folders(owner)
            return await self._scan_all(folders, folders, owner, on_progress)

    async def _scan_all(
        self,
        wanted: Sequence[str],
        folders: Sequence[str],
        owner: str,
        on_progress: OnProgress | None,
    ) -> IngestReport:
        """Scan each of `wanted`, a folder in a folder by itself only."""
        reports: list[IngestReport] = []
        for folder in wanted:
            root = Path(folder)
            if await asyncio.to_thread(root.exists):
                others = [each for each in folders if each != folder and _is_within(each, folder)]
                reports.append(await self._scan(root, others, owner, on_progress))
            else:
                reason = "it is not there; its documents are kept until it is removed"
                reports.append(IngestReport(failed=((folder, reason),)))
        return total(reports)

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
            return await self._store.forget_folder(owner, folder)

    async def _scan(
        self, root: Path, others: Sequence[str], owner: str, on_progress: OnProgress | None
    ) -> IngestReport:
        """Scan `root` without `others`, which lie in it and are scanned by themselves."""
        found = await asyncio.to_thread(walk, root)
        signatures = await self._store.signatures(owner, root.as_posix())
        known = {each.source: each for each in signatures if not _is_in_any(each.source, others)}
        unwanted = await self._store.exclusions(owner, root.as_posix())
        changed: list[FoundFile] = []
        same: list[Signature] = []
        for file in found.files:
            if file.source in unwanted or _is_in_any(file.source, others):
                continue
            signature = known.get(file.source)
            if signature is not None and self._is_same(file, signature):
                same.append(signature)
            else:
                changed.append(file)
        reports = [IngestReport(skipped=tuple(found.skipped)), _unchanged(same)]
        done = 0
        for batch in _batches(changed):
            reports.append(await self._read_batch(batch, known, owner))
            done += len(batch)
            if on_progress is not None:
                path = batch[-1].source
                on_progress(IngestProgress(done=done, total=len(changed), path=path))
        return total([*reports, await self._remove_gone(found, known, owner)])

    def _is_same(self, file: FoundFile, signature: Signature) -> bool:
        """Whether reading the file again would change nothing."""
        if (file.size_bytes, file.mtime_ns) != (signature.size_bytes, signature.mtime_ns):
            return False
        if signature.status is DocumentStatus.SKIPPED and not signature.sha256:
            return signature.reason == refusal(file, self._max_bytes)  # what is read may change
        return signature.status is not DocumentStatus.FAILED or bool(signature.sha256)

    async def _read_batch(
        self, batch: Sequence[FoundFile], known: dict[str, Signature], owner: str
    ) -> IngestReport:
        hashes = [known[file.source].sha256 if file.source in known else "" for file in batch]
        readings = await self._reader.read_paths(owner, batch, hashes)
        touched = [reading.file for reading in readings if isinstance(reading, SameBytes)]
        if touched:
            dates = [Touch(known[file.source].document_id, file.mtime_ns) for file in touched]
            await self._store.touch(owner, dates)
        kept: list[asyncio.Task[IngestReport]] = []
        try:
            async with asyncio.TaskGroup() as tasks:  # together, so that they share a commit
                for reading in readings:
                    if not isinstance(reading, SameBytes):
                        before = known.get(reading.document.source)
                        kept.append(tasks.create_task(self._keep(reading, before)))
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from failures
        same = _unchanged([known[file.source] for file in touched])
        return total([same, *(task.result() for task in kept)])

    async def _keep(self, reading: Reading, before: Signature | None) -> IngestReport:
        document = reading.document
        about = ((document.source, document.reason),)
        was_searchable = before is not None and before.status is DocumentStatus.SEARCHABLE
        if document.status is DocumentStatus.FAILED and not document.sha256 and was_searchable:
            return IngestReport(failed=about)  # what was read before is better than nothing
        row = await self._store.put(document, reading.chunks, self._clock.now())
        match document.status:
            case DocumentStatus.FAILED:
                return IngestReport(failed=about)
            case DocumentStatus.SKIPPED:
                return IngestReport(skipped=about)
            case DocumentStatus.SEARCHABLE:
                added = not was_searchable
                return IngestReport(added=added, updated=not added, document_ids=(row.id,))
        assert_never(document.status)

    async def _remove_gone(
        self, found: Walk, known: dict[str, Signature], owner: str
    ) -> IngestReport:
        if not found.complete:
            return IngestReport()
        there = {file.source for file in found.files}
        removed = 0
        for source, signature in known.items():
            if source not in there and not _is_in_any(source, found.unknown):
                await self._store.delete(signature.document_id, owner)
                removed += signature.status is DocumentStatus.SEARCHABLE
        return IngestReport(removed=removed)


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


def _unchanged(signatures: Sequence[Signature]) -> IngestReport:
    skipped = [each for each in signatures if each.status is DocumentStatus.SKIPPED]
    failed = [each for each in signatures if each.status is DocumentStatus.FAILED]
    return IngestReport(
        unchanged=len(signatures) - len(skipped) - len(failed),
        skipped=tuple((each.source, each.reason) for each in skipped),
        failed=tuple((each.source, each.reason) for each in failed),
    )


def _is_in_any(source: str, folders: Iterable[str]) -> bool:
    return any(_is_within(source, folder) for folder in folders)


def _is_within(source: str, folder: str) -> bool:
    return source == folder or source.startswith(folder.rstrip("/") + "/")


def _batches(files: Iterable[FoundFile]) -> Iterator[list[FoundFile]]:
    """The files in their order, at most 16 and, but for a large one alone, 1 MiB at a time."""
    batch: list[FoundFile] = []
    size_bytes = 0
    for file in files:
        too_many = len(batch) >= _FILES_AT_A_TIME
        if batch and (too_many or size_bytes + file.size_bytes > _BYTES_AT_A_TIME):
            yield batch
            batch, size_bytes = [], 0
        batch.append(file)
        size_bytes += file.size_bytes
    if batch:
        yield batch
