"""Floor 2: what a scan says of itself, while it goes on and at its end."""

from collections.abc import Callable, Sequence

import msgspec


class IngestProgress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a scan is; files that did not change are not counted."""

    done: int
    total: int
    path: str


class IngestReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a scan did.

    Attributes:
        added: Documents that can be searched now and could not before.
        updated: Documents whose text changed.
        unchanged: Documents that are as they were.
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


OnProgress = Callable[[IngestProgress], None]


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
