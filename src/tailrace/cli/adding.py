"""Floor 7: adding documents, with progress, and a summary that names what was left out and why."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Final

import typer
from rich.console import Console
from rich.status import Status

from tailrace.cli.door import Door
from tailrace.cli.screen import clean, one_line
from tailrace.context.report import IngestProgress, IngestReport, total

_NAMES: Final = 3
_WIDTH: Final = 60


async def add(door: Door, paths: Sequence[Path]) -> IngestReport:
    """What came of adding `paths`; told on stderr.

    Raises:
        TailraceError: one of them cannot be added.
    """
    console = Console(stderr=True, highlight=False)
    reports: list[IngestReport] = []
    for path in paths:
        with Status(f"Reading {clean(str(path))}", console=console) as status:

            def show(progress: IngestProgress, status: Status = status) -> None:
                count = f" {progress.done:,} of {progress.total:,}" if progress.total else ""
                status.update(f"Reading{count}: {one_line(progress.path, _WIDTH)}")

            reports.append(await door.add_documents(path, show))
    report = total(reports)
    typer.echo(summary(report), err=True)
    return report


def summary(report: IngestReport) -> str:
    """The report for people; files that share a reason stand together."""
    counts = {
        "added": report.added,
        "updated": report.updated,
        "unchanged": report.unchanged,
        "removed": report.removed,
    }
    told = ", ".join(f"{count:,} {word}" for word, count in counts.items() if count)
    lines = [f"Documents: {told or 'nothing new'}"]
    lines += _left_out("skipped", report.skipped)
    lines += _left_out("failed", report.failed)
    return "\n".join(lines)


def _left_out(word: str, files: Sequence[tuple[str, str]]) -> list[str]:
    by_reason: dict[str, list[str]] = defaultdict(list)
    for source, reason in files:
        by_reason[reason].append(PurePosixPath(source).name)
    return [
        f"  {len(names):,} {word}: {clean(reason)} ({_some(names)})"
        for reason, names in by_reason.items()
    ]


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(one_line(name, _WIDTH) for name in names[:_NAMES])
    return shown + (", …" if len(names) > _NAMES else "")
