"""Floor 7: a run on a terminal: finished stages, sources, the answer as Markdown, one moving line.

Rule 1: what is finished is printed once and never again; only the block that still grows and the
    status line are drawn anew, ten times a second at most, so nothing flickers.
Rule 2: what moves is never taller than the terminal.
Rule 3: nothing that came from a document or a model can give the terminal an order.
"""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.live import Live
from rich.markdown import Markdown
from rich.segment import Segment
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from tailrace._clock import SYSTEM_CLOCK
from tailrace.cli.blocks import MarkdownBlocks
from tailrace.cli.screen import (
    PROMPT,
    TITLES,
    Shown,
    cited_line,
    clean,
    ending_line,
    one_line,
    question_lines,
    source_place,
    usage_line,
)
from tailrace.events.asking import InputRequest
from tailrace.events.event import JSON, StreamEvent
from tailrace.events.receipt import Receipt
from tailrace.events.types import EventType, Outcome, WorkflowStage

_FRAME_S: Final = 0.1
_OTHER_LINES: Final = 4
_BAR_CELLS: Final = 12
_TITLE_CELLS: Final = 27
_STATUS_TYPES: Final = frozenset({EventType.THINKING, EventType.RUNNING, EventType.DONE})
_DONE: Final = ("✓", "green")
_FAILED: Final = ("✗", "red")
_MARKS: Final = {
    Outcome.ANSWERED: _DONE,
    Outcome.INSUFFICIENT_CONTEXT: ("○", "yellow"),
    Outcome.CANCELLED: ("■", "yellow"),
    Outcome.FAILED: _FAILED,
    Outcome.EXPIRED: _FAILED,
}


class LiveScreen:
    """Draws one run on a terminal; to be left when the run is over."""

    def __init__(self, console: Console, run_id: str) -> None:
        self._console = console
        self._run_id = run_id
        self._blocks = MarkdownBlocks()
        self._shown = Shown()
        self._spinner = Spinner("dots", style="cyan")
        self._stage = WorkflowStage.INIT
        self._stage_began: datetime = SYSTEM_CLOCK.now()
        self._message = ""
        self._progress: float | None = None
        self._answering = False
        self._stopping = False
        self._sources: list[dict[str, JSON]] = []
        self._source_count = 0
        self._asking = False
        self._waits_since: datetime | None = None
        self._live = self._begin_moving()

    def show(self, event: StreamEvent, receipt: Receipt) -> None:
        """Take in what the event changed; finished things are printed at once."""
        if self._asking:  # the question is answered, here or elsewhere, or the run is over
            self._asking = False
            self._live = self._begin_moving()
        if self._waits_since is not None:  # that was no time of the stage
            self._stage_began += event.timestamp - self._waits_since
        waits = event.type is EventType.INPUT_REQUIRED
        self._waits_since = event.timestamp if waits else None
        if event.is_terminal:
            return
        if event.stage is not None and event.stage is not self._stage:
            self._end_stage(event.timestamp)
            self._stage, self._stage_began = event.stage, event.timestamp
            self._message, self._progress = "", None
        if event.type in _STATUS_TYPES:
            self._message = event.content or self._message
            self._progress = event.progress
        elif event.type is EventType.SOURCE:
            self._sources.append(event.metadata)
        else:
            self._take_text(event, receipt)

    def ask(self, request: InputRequest) -> None:
        """Print the question; nothing moves while somebody types."""
        self._asking = True
        self._live.stop()
        for line in question_lines(request):
            self._print(Text(line, "bold" if line.startswith("?") else ""))
        self._console.print(PROMPT, end="", style="bold")

    def stopping(self) -> None:
        """Show that the run was asked to stop."""
        self._stopping = True
        if not self._asking:
            self._live.refresh()

    def end(self, receipt: Receipt) -> None:
        """Print what is left of the answer, and how the run ended."""
        self._live.stop()
        terminal = receipt.fold.terminal
        if not self._answering and terminal is not None:
            mark = _MARKS.get(receipt.outcome or Outcome.FAILED, _FAILED)
            self._end_stage(terminal.timestamp, mark)
        self._print_blocks([self._blocks.tail])
        self._console.print(self._ending(receipt))

    async def animate(self) -> None:
        """Draw what moves, until cancelled."""
        while True:
            if not self._asking:
                self._live.refresh()
            await asyncio.sleep(_FRAME_S)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The block that still grows, as much of its end as fits, and the status line."""
        tail = clean(self._blocks.tail)
        if tail.strip():
            block = _Block(tail, last=max(1, console.height - _OTHER_LINES))
            yield from block.__rich_console__(console, options)
            yield Segment.line()
        yield self._status_line()

    def _begin_moving(self) -> Live:
        live = Live(
            self,
            console=self._console,
            auto_refresh=False,
            transient=True,
            vertical_overflow="crop",
        )
        live.start()
        return live

    def _status_line(self) -> RenderableType:
        title = TITLES.get(self._stage, self._stage.value)
        if self._stopping:
            title = "Stopping"
        seconds = (SYSTEM_CLOCK.now() - self._stage_began).total_seconds()
        line = Table.grid(padding=(0, 1))
        line.add_column(width=1)
        line.add_column(width=_TITLE_CELLS, no_wrap=True)
        line.add_column(width=7, no_wrap=True, justify="right")
        line.add_column(no_wrap=True, overflow="ellipsis")
        line.add_row(
            self._spinner,
            Text(title, "bold"),
            Text(f"{max(seconds, 0):.1f} s", "dim"),
            self._detail(),
        )
        return line

    def _detail(self) -> Text:
        detail = Text()
        if self._stopping:
            return detail.append("Ctrl-C again leaves at once", "dim")
        if self._progress is not None and not self._answering:
            full = round(max(0.0, min(1.0, self._progress)) * _BAR_CELLS)
            detail.append("━" * full, "cyan").append("━" * (_BAR_CELLS - full), "bright_black")
            detail.append(" ")
        text = "Ctrl-C stops it" if self._answering else one_line(self._message, 120)
        return detail.append(text, "dim")

    def _end_stage(self, at: datetime, mark: tuple[str, str] = _DONE) -> None:
        """Print the line of the stage that is over, unless the answer itself stands for it."""
        if self._stage is WorkflowStage.INIT or self._answering:
            return
        seconds = (at - self._stage_began).total_seconds()
        room = max(self._console.width - _TITLE_CELLS - 13, 10)
        self._print(
            Text.assemble(
                (f"{mark[0]} ", mark[1]),
                TITLES.get(self._stage, self._stage.value).ljust(_TITLE_CELLS + 1),
                (f"{max(seconds, 0):.1f} s".rjust(7), "dim"),
                (f"  {one_line(self._message, room)}", "dim"),
            )
        )
        self._print_sources()

    def _print_sources(self) -> None:
        for source in self._sources:
            self._source_count += 1
            mark = f"  [{self._source_count}] "
            title = one_line(str(source.get("title") or "untitled"), 44)
            line = Text.assemble((mark, "cyan"), title, (f"  {source_place(source)}", "dim"))
            line.truncate(self._console.width, overflow="ellipsis")
            self._print(line)
        self._sources = []

    def _take_text(self, event: StreamEvent, receipt: Receipt) -> None:
        if event.type is EventType.STREAM_CHUNK:
            self._answer(event.content, event.timestamp)
        elif event.type is EventType.RETRACT:
            self._retract(receipt.fold.text)
        elif event.type is EventType.SNAPSHOT:  # this terminal is slow: all that it lacks, in one
            self._sources = list(receipt.fold.sources)
            missing = self._shown.missing(receipt.fold.text)
            if missing is None:
                self._retract(receipt.fold.text)
            elif missing:
                self._answer(missing, event.timestamp)

    def _answer(self, text: str, at: datetime) -> None:
        if not self._answering:
            if self._stage is WorkflowStage.EXECUTION:
                self._print_sources()
            else:
                self._end_stage(at)
            self._answering = True
            self._print(Text())
        self._shown.add(text)
        self._print_blocks(self._blocks.feed(text))

    def _retract(self, kept: str) -> None:
        self._print_blocks([self._blocks.tail])
        self._print(Text("↺ That was taken back; the answer starts again.", "yellow"))
        self._blocks = MarkdownBlocks()
        self._shown = Shown()
        self._shown.add(kept)
        self._print_blocks(self._blocks.feed(kept))

    def _print_blocks(self, blocks: Iterable[str]) -> None:
        for block in blocks:
            if block.strip():
                self._print(_Block(clean(block)))
                self._print(Text())

    def _print(self, what: RenderableType) -> None:
        self._console.print(what)

    def _ending(self, receipt: Receipt) -> Text:
        outcome = receipt.outcome
        mark, style = _FAILED if outcome is None else _MARKS[outcome]
        line = Text.assemble((f"{mark} {ending_line(receipt)}", style))
        cited = cited_line(receipt.fold)
        facts = [f"  {usage_line(receipt)}", *([f"  {cited}"] if cited else [])]
        return line.append("\n".join([*facts, f"  run {self._run_id}"]), "dim")


class _Block:
    """One block of Markdown without empty lines around it; its `last` lines, or all."""

    def __init__(self, text: str, last: int | None = None) -> None:
        self._markdown = Markdown(text, code_theme="ansi_dark", hyperlinks=False)
        self._last = last

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        lines = console.render_lines(self._markdown, options.update(height=None), pad=False)
        while lines and _is_empty(lines[0]):
            del lines[0]
        while lines and _is_empty(lines[-1]):
            del lines[-1]
        for line in lines if self._last is None else lines[-self._last :]:
            yield from line
            yield Segment.line()


def _is_empty(line: Sequence[Segment]) -> bool:
    return not "".join(segment.text for segment in line).strip()
