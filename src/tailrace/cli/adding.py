"""Floor 7: adding documents: the run that reads them, followed, and a summary of what came of it.

Rule 1: what was left out is named, with its reason; files that share one stand together.
Rule 2: Ctrl-C stops the run. What was read by then stays, and can be searched.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from pathlib import PurePosixPath
from typing import Final

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from tailrace.cli.door import Door, names_of
from tailrace.cli.exits import Exit, exit_of
from tailrace.cli.failures import report
from tailrace.cli.interrupts import Interrupts
from tailrace.cli.screen import INCOMPLETE, MISFIT, clean, one_line
from tailrace.errors import TailraceError
from tailrace.events.event import JSON, StreamEvent
from tailrace.events.receipt import Receipt
from tailrace.events.types import Outcome
from tailrace.nodes.ingest_telling import Counts
from tailrace.state.state import IngestTarget

_NAMES: Final = 3
_WIDTH: Final = 60
_ADDRESSES: Final = ("http://", "https://")


class Addition:
    """What a run that reads documents in has said of them so far.

    Attributes:
        counts: The newest counts it gave.
        receipt: Whether its log is whole.
    """

    def __init__(self) -> None:
        self.counts = Counts()
        self.receipt = Receipt()
        self._files: list[Mapping[str, JSON]] = []

    def take(self, event: StreamEvent) -> None:
        """Take in the next event."""
        self.receipt.take(event)
        counts, files = event.metadata.get("ingest"), event.metadata.get("files")
        if counts is not None:
            self.counts = msgspec.convert(counts, Counts)
        if isinstance(files, list):
            self._files += [each for each in files if isinstance(each, dict)]

    def summary(self) -> str:
        """What came of it, for people."""
        counts = {word: getattr(self.counts, word) for word in _TOLD}
        told = ", ".join(f"{count:,} {word}" for word, count in counts.items() if count)
        lines = [f"Documents: {told or 'nothing new'}"]
        lines += self._left_out("skipped") + self._left_out("failed")
        return "\n".join(lines)

    def _left_out(self, status: str) -> list[str]:
        by_reason: dict[str, list[str]] = defaultdict(list)
        for file in self._files:
            if file.get("status") == status:
                name = PurePosixPath(str(file.get("source"))).name
                by_reason[str(file.get("reason", ""))].append(name)
        return [
            f"  {len(names):,} {status}: {clean(reason)} ({_some(names)})"
            for reason, names in by_reason.items()
        ]


_TOLD: Final = ("added", "updated", "unchanged", "removed")


async def add(door: Door, targets: Sequence[str], *, wait: bool) -> Exit:
    """Read `targets` in, one after the other, told on stderr; how it ended.

    Raises:
        TailraceError: one of them cannot be added.
    """
    worst = Exit.OK
    with Interrupts() as interrupts:
        for target in targets:
            ended = await _add(door, target, interrupts, wait=wait)
            if ended is Exit.CANCELLED:
                return ended
            worst = worst or ended
    return worst


async def _add(door: Door, target: str, interrupts: Interrupts, *, wait: bool) -> Exit:
    is_address = target.lower().startswith(_ADDRESSES)
    run_id = await door.ingest(
        IngestTarget(
            path="" if is_address else names_of(target)[0],
            url=target if is_address else "",
            until_embedded=wait,
        )
    )
    addition = Addition()
    async with asyncio.TaskGroup() as tasks:
        stopping = tasks.create_task(_stop_when_asked(door, run_id, interrupts))
        try:
            await _follow(door, run_id, target, addition)
        finally:
            stopping.cancel()
    return _told(door, run_id, addition)


async def _follow(door: Door, run_id: str, target: str, addition: Addition) -> None:
    console = Console(stderr=True, highlight=False)
    columns = (TextColumn("{task.description}", markup=False), BarColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        bar = progress.add_task(f"Reading {clean(target)}", total=None)
        async with aclosing(door.follow(run_id)) as events:
            async for event in events:
                addition.take(event)
                _show(progress, bar, addition.counts)


def _show(progress: Progress, bar: TaskID, counts: Counts) -> None:
    match counts.phase:
        case "finding":
            progress.update(bar, description=f"Looking into {one_line(counts.path, _WIDTH)}")
        case "reading":
            told = f"Reading {counts.done:,} of {counts.found:,}: {one_line(counts.path, _WIDTH)}"
            progress.update(bar, description=told, completed=counts.done, total=counts.found)
        case _:
            done, pieces = counts.pieces_embedded, counts.pieces
            told = f"Searchable; by meaning {done:,} of {pieces:,} passages"
            progress.update(bar, description=told, completed=done, total=pieces)


def _told(door: Door, run_id: str, addition: Addition) -> Exit:
    """How the run ended; what there is to say of it has been said."""
    receipt, counts = addition.receipt, addition.counts
    if receipt.problems:
        report(MISFIT.format(problems="; ".join(receipt.problems)))
        return Exit.FAILED
    if receipt.outcome is None:
        report(INCOMPLETE.format(run_id=run_id))
        return Exit.FAILED
    if receipt.outcome is Outcome.FAILED and receipt.fold.terminal is not None:
        report(receipt.fold.terminal.content)
        return Exit.FAILED
    typer.echo(addition.summary(), err=True)
    if receipt.outcome is Outcome.CANCELLED:
        what = "the rest was not read" if counts.phase != "embedding" else _later(door)
        typer.echo(f"Stopped: what was read can be searched; {what}.", err=True)
        return exit_of(receipt.outcome)
    if counts.pieces_embedded < counts.pieces and counts.phase == "embedding":
        left = counts.pieces - counts.pieces_embedded
        typer.echo(f"Searchable now; {left:,} passages by words only yet: {_later(door)}", err=True)
    return Exit.OK if counts.searchable else Exit.FAILED


def _later(door: Door) -> str:
    if door.url:
        return "the server goes on with finding them by meaning"
    return "finding them by meaning goes on while `tailrace serve` runs"


async def _stop_when_asked(door: Door, run_id: str, interrupts: Interrupts) -> None:
    await interrupts.pressed.wait()
    try:
        await door.cancel(run_id)
    except TailraceError as error:
        report(f"the run could not be stopped: {error.message}")


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(one_line(name, _WIDTH) for name in names[:_NAMES])
    return shown + (", …" if len(names) > _NAMES else "")
