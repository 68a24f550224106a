"""Floor 2: what a scan says of itself, while it goes on and at its end."""

from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum

import msgspec


class FileStatus(StrEnum):
    """What became of a file."""

    SEARCHABLE = "searchable"
    SKIPPED = "skipped"
    FAILED = "failed"
    REMOVED = "removed"


class FileOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """A file that was dealt with.

    Attributes:
        reason: Why it cannot be searched; "" where it can, or is gone.
        document_id: The document it became; None where there is none.
        pieces: How many passages that has.
    """

    source: str
    status: FileStatus
    reason: str = ""
    document_id: int | None = None
    pieces: int = 0


class IngestProgress(msgspec.Struct, frozen=True, kw_only=True):
    """What a scan has just done, or is about to do.

    Attributes:
        found: How many files lie there; 0 where that is not known yet.
        unchanged: How many more of them are as they were.
        files: What was dealt with since the last time.
        path: Where the scan is.
    """

    found: int = 0
    unchanged: int = 0
    files: tuple[FileOutcome, ...] = ()
    path: str = ""


class IngestReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a scan did.

    Attributes:
        added: Documents that can be searched now and could not before.
        updated: Documents whose text changed.
        unchanged: Documents that are as they were, or were moved as they are.
        removed: Documents whose files are gone.
        skipped: Path and reason of what is not read, each time it is found.
        failed: Path and reason of what could not be read; tried again at the next scan.
        document_ids: What was added or updated.
    """

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0
    skipped: tuple[tuple[str, str], ...] = ()
    failed: tuple[tuple[str, str], ...] = ()
    document_ids: tuple[int, ...] = ()


OnProgress = Callable[[IngestProgress], Awaitable[None]]


def total(reports: Sequence[IngestReport]) -> IngestReport:
    """All of them together."""
    return IngestReport(
        added=sum(each.added for each in reports),
        updated=sum(each.updated for each in reports),
        unchanged=sum(each.unchanged for each in reports),
        removed=sum(each.removed for each in reports),
        skipped=tuple(about for each in reports for about in each.skipped),
        failed=tuple(about for each in reports for about in each.failed),
        document_ids=tuple(id_ for each in reports for id_ in each.document_ids),
    )
