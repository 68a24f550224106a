"""Floor 7: a run for pipes and files: the answer on stdout as it was written, all else on stderr.

Rule: what stdout has is the answer and nothing else; what cannot be taken back is told on stderr.
"""

import asyncio
import sys
from typing import TextIO

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
from tailrace.events.event import StreamEvent
from tailrace.events.receipt import Receipt
from tailrace.events.types import EventType, WorkflowStage

_WIDTH = 200


class PlainScreen:
    """Writes text as it arrives, and a line for each thing that happened."""

    def __init__(self, out: TextIO | None = None, err: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._err = err or sys.stderr
        self._stage: WorkflowStage | None = None
        self._said = ""
        self._ends_line = True
        self._sources = 0
        self._shown = Shown()

    def show(self, event: StreamEvent, receipt: Receipt) -> None:
        """Write what the event brings."""
        match event.type:
            case EventType.STREAM_CHUNK:
                self._answer(event.content)
            case EventType.RETRACT:
                self._restart(receipt.fold.text)
            case EventType.SNAPSHOT:  # this terminal is slow: all that it lacks, in one
                missing = self._shown.missing(receipt.fold.text)
                if missing is None:
                    self._restart(receipt.fold.text)
                else:
                    self._answer(missing)
            case EventType.SOURCE:
                self._source(event)
            case EventType.THINKING | EventType.RUNNING | EventType.DONE | EventType.FAIL:
                self._status(event)
            case _:
                pass

    def ask(self, request: InputRequest) -> None:
        """Ask on stderr."""
        self._break_line()
        self._say("\n".join(question_lines(request)))
        self._err.write(PROMPT)
        self._err.flush()

    def stopping(self) -> None:
        """Say that the run was asked to stop."""
        self._break_line()
        self._say("stopping … (Ctrl-C again leaves at once)")

    def end(self, receipt: Receipt) -> None:
        """Say how it ended."""
        self._break_line()
        cited = cited_line(receipt.fold)
        if cited:
            self._say(cited)
        usage = usage_line(receipt)
        self._say(ending_line(receipt) + (f" ({usage})" if usage else ""))

    async def animate(self) -> None:
        """Nothing moves."""
        await asyncio.get_running_loop().create_future()

    def _status(self, event: StreamEvent) -> None:
        if event.is_terminal or event.stage is None or event.stage is WorkflowStage.INIT:
            return
        self._break_line()
        title = TITLES.get(event.stage, event.stage.value)
        if event.stage is not self._stage:
            self._stage = event.stage
            self._say(title)
        text = one_line(event.content, _WIDTH)
        if text and text != self._said:
            self._said = text
            self._say(f"  {text}")

    def _source(self, event: StreamEvent) -> None:
        self._sources += 1
        title = one_line(str(event.metadata.get("title", "")), _WIDTH)
        self._say(f"  [{self._sources}] {title}, {source_place(event.metadata)}")

    def _answer(self, text: str) -> None:
        if not text:
            return
        self._shown.add(text)
        self._out.write(clean(text) if self._out.isatty() else text)
        self._out.flush()
        self._ends_line = text.endswith("\n")

    def _restart(self, text: str) -> None:
        self._say("part of the answer was taken back; it is written again from its start")
        self._break_line()
        self._shown = Shown()
        self._answer(text)

    def _break_line(self) -> None:
        if not self._ends_line:
            self._out.write("\n")
            self._out.flush()
            self._ends_line = True

    def _say(self, text: str) -> None:
        self._err.write(text + "\n")
        self._err.flush()
