"""Floor 3: IngestTelling, what a run that reads documents says of them, often enough and no more.

Rule 1: a status a quarter of a second, or 200 files, whichever comes first; as a run gets old,
    less often, so that a day of it has some thousands.
Rule 2: at most 50 files an event. Each that is not searchable is named, the first thousand of
    them; of the others as many as there is room for. The counts are of all.
"""

from collections import deque
from typing import Final, cast

import msgspec

from tailrace.context.indexer import Coverage
from tailrace.context.report import FileOutcome, FileStatus, IngestProgress
from tailrace.events.event import JSON
from tailrace.events.types import EventType
from tailrace.nodes.base import BaseNode
from tailrace.nodes.scope import RunScope

_EVERY_S: Final = 0.25
_EVERY_SHARE: Final = 0.005  # of the run's age
_EVERY_FILES: Final = 200
_FILES_AN_EVENT: Final = 50
_MOST_NAMED: Final = 1_000


class Counts(msgspec.Struct, kw_only=True):
    """How far it is, as `metadata.ingest` has it; docs/reference/events.md says what each means."""

    phase: str = "finding"
    found: int = 0
    done: int = 0
    parsed: int = 0
    searchable: int = 0
    embedded: int = 0
    skipped: int = 0
    failed: int = 0
    removed: int = 0
    unchanged: int = 0
    added: int = 0
    updated: int = 0
    pieces: int = 0
    pieces_embedded: int = 0
    path: str = ""

    @property
    def progress(self) -> float | None:
        """How far the present phase is; None where that is not known."""
        if self.phase == "embedding":
            return min(1.0, self.pieces_embedded / self.pieces) if self.pieces else None
        return min(1.0, self.done / self.found) if self.found else None


class IngestTelling:
    """Counts what was dealt with, and says so.

    Attributes:
        counts: How far it is.
    """

    def __init__(self, node: BaseNode, scope: RunScope) -> None:
        self.counts = Counts()
        self._node = node
        self._scope = scope
        self._begun_s = self._told_s = scope.clock.monotonic_s()
        self._named = 0
        self._must: deque[FileOutcome] = deque()
        self._may: deque[FileOutcome] = deque(maxlen=_FILES_AN_EVENT)
        self._waiting = 0

    async def progress(self, progress: IngestProgress) -> None:
        """Take in what a scan has done, and say it where it is time to."""
        counts = self.counts
        counts.found += progress.found
        counts.unchanged += progress.unchanged
        counts.done += progress.unchanged
        counts.searchable += progress.unchanged
        counts.path = progress.path or counts.path
        if progress.found:
            counts.phase = "reading"
        for file in progress.files:
            self._count(file)
        self._waiting += len(progress.files) + progress.unchanged
        if self._is_time():
            await self.tell()

    async def covered(self, coverage: Coverage, *, last: bool = False) -> None:
        """Take in how far the vectors are, and say it where it is time to."""
        counts = self.counts
        begins = counts.phase != "embedding"
        counts.phase = "embedding"
        if coverage.model:
            counts.pieces, counts.pieces_embedded = coverage.pieces, coverage.embedded
        if coverage.model and coverage.embedded >= coverage.pieces:
            counts.embedded = counts.searchable
        if last or begins or self._is_time():
            await self.tell()

    async def tell(self) -> None:
        """Say how far it is."""
        self._told_s = self._scope.clock.monotonic_s()
        self._waiting = 0
        await self._node.say(
            self._scope,
            EventType.RUNNING,
            self._message(),
            progress=self.counts.progress,
            metadata=self.facts(),
        )

    async def rest(self) -> None:
        """Name what was not named yet."""
        await self.tell()
        while self._must:
            await self.tell()

    def facts(self) -> dict[str, JSON]:
        """The counts, and the files that are to be named next."""
        facts: dict[str, JSON] = {"ingest": cast("JSON", msgspec.to_builtins(self.counts))}
        files = self._next_files()
        if files:
            facts["files"] = [_shown(each) for each in files]
        return facts

    def _count(self, file: FileOutcome) -> None:
        counts = self.counts
        match file.status:
            case FileStatus.SEARCHABLE:
                counts.searchable += 1
                counts.parsed += 1
                counts.pieces += file.pieces
                self._may.append(file)
            case FileStatus.SKIPPED:
                counts.skipped += 1
                self._name(file)
            case FileStatus.FAILED:
                counts.failed += 1
                self._name(file)
            case FileStatus.REMOVED:
                counts.removed += 1
                self._name(file)
                return
        counts.done += 1

    def _name(self, file: FileOutcome) -> None:
        if self._named < _MOST_NAMED:
            self._named += 1
            self._must.append(file)

    def _next_files(self) -> list[FileOutcome]:
        room = _FILES_AN_EVENT
        files = [self._must.popleft() for _ in range(min(room, len(self._must)))]
        room -= len(files)
        files += [*self._may][: max(0, room)]
        self._may.clear()
        return files

    @property
    def every_s(self) -> float:
        """How long a status is not followed by the next."""
        age_s = self._scope.clock.monotonic_s() - self._begun_s
        return max(_EVERY_S, _EVERY_SHARE * age_s)

    def _is_time(self) -> bool:
        if self._waiting >= _EVERY_FILES:
            return True
        return self._scope.clock.monotonic_s() - self._told_s >= self.every_s

    def _message(self) -> str:
        counts = self.counts
        match counts.phase:
            case "finding":
                return "Looking for files"
            case "reading":
                return f"Read {counts.done:,} of {counts.found:,} files"
            case _:
                done, pieces = counts.pieces_embedded, counts.pieces
                return f"Searchable; {done:,} of {pieces:,} passages can be found by meaning"


def _shown(file: FileOutcome) -> JSON:
    shown: dict[str, JSON] = {"source": file.source, "status": file.status.value}
    if file.reason:
        shown["reason"] = file.reason
    if file.document_id is not None:
        shown["document_id"] = file.document_id
    return shown
