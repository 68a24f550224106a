"""Floor 2: Scan, one look at folders, and what follows from it for their documents.

Rule 1: a file is read again only where its size or date changed, indexed only where its bytes did.
Rule 2: a document is removed only where its file is known to be gone: a folder that cannot be read
    loses nothing.
Rule 3: a file that was moved with the bytes it had keeps its document, where only one can be meant.
Rule 4: a file whose bytes could be had and whose content could not be read (FAILED, with a hash)
    is tried again when it changed; one that could not be opened, at every scan.
"""

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Final, assert_never

import msgspec

from tailrace._clock import Clock
from tailrace.context.pool import ParserPool
from tailrace.context.read import Reading, SameBytes, refusal
from tailrace.context.report import (
    FileOutcome,
    FileStatus,
    IngestProgress,
    IngestReport,
    OnProgress,
    total,
)
from tailrace.context.walk import FoundFile, Walk, read_file, walk
from tailrace.stores.documents import DocumentStatus, DocumentStore, Move, Signature, Touch

_FILES_AT_A_TIME: Final = 16
_BYTES_AT_A_TIME: Final = 1024 * 1024


class Root(msgspec.Struct, frozen=True, kw_only=True):
    """A folder or a file to look at.

    Attributes:
        path: Where it is.
        others: What lies in it and is looked at by itself.
        only: What in it is looked at; None: all.
    """

    path: str
    others: tuple[str, ...] = ()
    only: tuple[str, ...] | None = None

    def covers(self, source: str) -> bool:
        """Whether `source` is looked at here."""
        if any(is_within(source, other) for other in self.others):
            return False
        return self.only is None or any(is_within(source, each) for each in self.only)


class _Plan(msgspec.Struct, kw_only=True):
    """What was found, against what is known."""

    known: dict[str, Signature] = {}
    changed: list[FoundFile] = []
    same: list[Signature] = []
    gone: list[Signature] = []
    skipped: list[tuple[str, str]] = []


class Scan:
    """Brings the documents of one owner up to date with their folders, once."""

    def __init__(
        self,
        store: DocumentStore,
        reader: ParserPool,
        clock: Clock,
        *,
        owner: str,
        max_bytes: int,
        on_progress: OnProgress | None,
    ) -> None:
        self._store = store
        self._reader = reader
        self._clock = clock
        self._owner = owner
        self._max_bytes = max_bytes
        self._on_progress = on_progress

    async def run(self, roots: Sequence[Root]) -> IngestReport:
        """What came of looking at `roots`, all of which are there."""
        plan = _Plan()
        for root in roots:
            await self._tell(path=root.path)
            await self._look(root, plan)
        reports = [IngestReport(skipped=tuple(plan.skipped)), _unchanged(plan.same)]
        files = [
            *(_not_read(source, FileStatus.SKIPPED, reason) for source, reason in plan.skipped),
            *(_outcome(each) for each in plan.same if each.status is not DocumentStatus.SEARCHABLE),
        ]
        unchanged = reports[1].unchanged
        found = len(plan.changed) + len(plan.same) + len(plan.skipped)
        await self._tell(found=found, unchanged=unchanged, files=files)
        reports.append(await self._follow_moves(plan))
        for batch in _batches(plan.changed):
            await self._tell(path=batch[0].source)
            reports.append(await self._read_batch(batch, plan.known))
        reports.append(await self._remove(plan.gone))
        return total(reports)

    async def _tell(
        self,
        *,
        path: str = "",
        found: int = 0,
        unchanged: int = 0,
        files: Sequence[FileOutcome] = (),
    ) -> None:
        if self._on_progress is not None:
            progress = IngestProgress(
                path=path, found=found, unchanged=unchanged, files=tuple(files)
            )
            await self._on_progress(progress)

    async def _look(self, root: Root, plan: _Plan) -> None:
        """Add to `plan` what lies in `root`."""
        found = await asyncio.to_thread(walk, Path(root.path), only=root.only)
        below = (root.path,) if root.only is None else root.only
        known: dict[str, Signature] = {}
        unwanted: set[str] = set()
        for path in below:
            signatures = await self._store.signatures(self._owner, path)
            known.update({each.source: each for each in signatures if root.covers(each.source)})
            unwanted |= await self._store.exclusions(self._owner, path)
        files = [file for file in found.files if root.covers(file.source)]
        for file in files:
            if file.source in unwanted:
                continue
            signature = known.get(file.source)
            if signature is not None and self._is_same(file, signature):
                plan.same.append(signature)
            else:
                plan.changed.append(file)
        plan.known.update(known)
        plan.skipped += [each for each in found.skipped if root.covers(each[0])]
        plan.gone += _gone(found, files, known)

    def _is_same(self, file: FoundFile, signature: Signature) -> bool:
        """Whether reading the file again would change nothing."""
        if (file.size_bytes, file.mtime_ns) != (signature.size_bytes, signature.mtime_ns):
            return False
        if signature.status is DocumentStatus.SKIPPED and not signature.sha256:
            return signature.reason == refusal(file, self._max_bytes)  # what is read may change
        return signature.status is not DocumentStatus.FAILED or bool(signature.sha256)

    async def _follow_moves(self, plan: _Plan) -> IngestReport:
        """Let documents whose files were moved go along; they leave `plan`."""
        gone: dict[tuple[int, str], list[Signature]] = defaultdict(list)
        for signature in plan.gone:
            if signature.status is DocumentStatus.SEARCHABLE:
                gone[signature.size_bytes, _suffix(signature.source)].append(signature)
        moves: list[Move] = []
        moved: dict[str, Signature] = {}
        for file in plan.changed:
            candidates = gone.get((file.size_bytes, _suffix(file.source)), [])
            if not candidates or file.source in plan.known:
                continue
            sha256, read = await asyncio.to_thread(_hashed, file, self._max_bytes)
            meant = [each for each in candidates if each.sha256 == sha256]
            if len(meant) != 1:
                continue
            candidates.remove(meant[0])
            moves.append(Move(meant[0].document_id, file.source, read.mtime_ns))
            moved[file.source] = meant[0]
        if not moves:
            return IngestReport()
        await self._store.move(self._owner, moves)
        followed = {each.document_id for each in moves}
        plan.changed = [each for each in plan.changed if each.source not in moved]
        plan.gone = [each for each in plan.gone if each.document_id not in followed]
        await self._tell(unchanged=len(moves), path=moves[-1].source)
        return IngestReport(unchanged=len(moves))

    async def _read_batch(
        self, batch: Sequence[FoundFile], known: Mapping[str, Signature]
    ) -> IngestReport:
        hashes = [known[file.source].sha256 if file.source in known else "" for file in batch]
        readings = await self._reader.read_paths(self._owner, batch, hashes)
        touched = [reading.file for reading in readings if isinstance(reading, SameBytes)]
        if touched:
            dates = [Touch(known[file.source].document_id, file.mtime_ns) for file in touched]
            await self._store.touch(self._owner, dates)
        kept: list[asyncio.Task[tuple[IngestReport, FileOutcome]]] = []
        try:
            async with asyncio.TaskGroup() as tasks:  # together, so that they share a commit
                for reading in readings:
                    if not isinstance(reading, SameBytes):
                        before = known.get(reading.document.source)
                        kept.append(tasks.create_task(self._keep(reading, before)))
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from failures
        same = _unchanged([known[file.source] for file in touched])
        results = [task.result() for task in kept]
        files = [outcome for _, outcome in results]
        await self._tell(unchanged=same.unchanged, files=files, path=batch[-1].source)
        return total([same, *(report for report, _ in results)])

    async def _keep(
        self, reading: Reading, before: Signature | None
    ) -> tuple[IngestReport, FileOutcome]:
        document = reading.document
        about = ((document.source, document.reason),)
        was_searchable = before is not None and before.status is DocumentStatus.SEARCHABLE
        if document.status is DocumentStatus.FAILED and not document.sha256 and was_searchable:
            # what was read before is better than nothing
            failed = _not_read(document.source, FileStatus.FAILED, document.reason)
            return IngestReport(failed=about), failed
        row = await self._store.put(document, reading.chunks, self._clock.now())
        outcome = FileOutcome(
            source=document.source,
            status=FileStatus(document.status.value),
            reason=document.reason,
            document_id=row.id,
            pieces=row.chunk_count,
        )
        match document.status:
            case DocumentStatus.FAILED:
                return IngestReport(failed=about), outcome
            case DocumentStatus.SKIPPED:
                return IngestReport(skipped=about), outcome
            case DocumentStatus.SEARCHABLE:
                added = not was_searchable
                report = IngestReport(added=added, updated=not added, document_ids=(row.id,))
                return report, outcome
        assert_never(document.status)

    async def _remove(self, gone: Sequence[Signature]) -> IngestReport:
        removed = 0
        for signature in gone:
            await self._store.delete(signature.document_id, self._owner)
            if signature.status is DocumentStatus.SEARCHABLE:
                removed += 1
                await self._tell(files=[_not_read(signature.source, FileStatus.REMOVED, "")])
        return IngestReport(removed=removed)


def is_within(source: str, folder: str) -> bool:
    """Whether `source` is `folder` or lies in it."""
    return source == folder or source.startswith(folder.rstrip("/") + "/")


def _gone(
    found: Walk, files: Sequence[FoundFile], known: Mapping[str, Signature]
) -> list[Signature]:
    """What of `known` is not there any more."""
    if not found.complete:
        return []
    there = {file.source for file in files}
    return [
        signature
        for source, signature in known.items()
        if source not in there and not any(is_within(source, each) for each in found.unknown)
    ]


def _hashed(file: FoundFile, max_bytes: int) -> tuple[str, FoundFile]:
    """The hash of the file's bytes, "" where they cannot be had, and the file as it was read."""
    try:
        data, read = read_file(Path(file.source), max_bytes)
    except OSError:
        return "", file
    return hashlib.sha256(data).hexdigest(), read


def _suffix(source: str) -> str:
    return PurePosixPath(source).suffix.lower()


def _unchanged(signatures: Sequence[Signature]) -> IngestReport:
    skipped = [each for each in signatures if each.status is DocumentStatus.SKIPPED]
    failed = [each for each in signatures if each.status is DocumentStatus.FAILED]
    return IngestReport(
        unchanged=len(signatures) - len(skipped) - len(failed),
        skipped=tuple((each.source, each.reason) for each in skipped),
        failed=tuple((each.source, each.reason) for each in failed),
    )


def _outcome(signature: Signature) -> FileOutcome:
    return FileOutcome(
        source=signature.source,
        status=FileStatus(signature.status.value),
        reason=signature.reason,
        document_id=signature.document_id,
    )


def _not_read(source: str, status: FileStatus, reason: str) -> FileOutcome:
    return FileOutcome(source=source, status=status, reason=reason)


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
