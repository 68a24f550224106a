"""Floor 7: asking, what a run asks back, and what the person at the terminal types.

Rule 1: only a question that is still open is asked: a replay of one that was answered is not.
Rule 2: whoever else answers first, or ends the run, takes the question away again.
"""

import asyncio
import os
import sys
import threading
from contextlib import suppress

from tailrace.cli.door import Door
from tailrace.cli.failures import report
from tailrace.cli.screen import Screen
from tailrace.errors import InvalidRequestError, TailraceError
from tailrace.events.asking import InputRequest
from tailrace.events.event import StreamEvent
from tailrace.stores.base import RunState

_LINE_BYTES = 64 * 1024


class UnansweredError(Exception):
    """The run waits, and nobody here will answer it."""


def at_terminal() -> bool:
    """Whether somebody can be asked: they see what is said on stderr, and type."""
    return sys.stdin.isatty() and sys.stderr.isatty()


class TypedLines:
    """The lines that are typed, one at a time, for whoever waits for the next.

    They are read by a thread that holds no lock and that nothing waits for: a read of a terminal
    cannot be taken back, and whoever leaves must not have to press Enter first.
    """

    def __init__(self, file: int | None = None) -> None:
        """Read `file`, stdin by default."""
        self._file = sys.stdin.fileno() if file is None else file
        self._wanted: asyncio.Future[bytes] | None = None
        self._reading = False

    async def next(self) -> str | None:
        """The next line; None at the end of the input."""
        loop = asyncio.get_running_loop()
        self._wanted = loop.create_future()
        if not self._reading:  # the thread of one who left still reads
            self._reading = True
            threading.Thread(target=self._read, args=(loop,), name="typed", daemon=True).start()
        line = await self._wanted
        return line.decode(errors="replace") if line else None

    def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        line = os.read(self._file, _LINE_BYTES)
        with suppress(RuntimeError):  # the loop has ended meanwhile, and nobody wants it
            loop.call_soon_threadsafe(self._take, line)

    def _take(self, line: bytes) -> None:
        self._reading = False
        if self._wanted is not None and not self._wanted.done():
            self._wanted.set_result(line)


async def answer(door: Door, asked: StreamEvent, screen: Screen, typed: TypedLines | None) -> None:
    """Have `asked` answered by what is typed, if it is still open.

    Raises:
        UnansweredError: it is open, and the end of the input was typed; or nothing can be typed,
            and nobody else can reach this home either.
        TailraceError: the run cannot be reached.
    """
    view = await door.get_run(asked.run_id)
    if view.state is not RunState.WAITING or view.last_seq != asked.seq:
        return
    if typed is None:
        if door.url:
            return  # somebody else may answer
        raise UnansweredError
    request = InputRequest.of(asked)
    while True:
        screen.ask(request)
        line = await typed.next()
        if line is None:
            raise UnansweredError
        text = _chosen(line.strip(), request.options)
        try:
            if text:
                await door.answer(asked.run_id, request.request_id, text)
                return
        except InvalidRequestError as error:
            report(error.message)
        except TailraceError as error:
            report(f"the answer was not taken: {error.message}")
            return


def _chosen(text: str, options: tuple[str, ...]) -> str:
    """The option that `text` is the number of, else `text` itself."""
    if text.isascii() and text.isdecimal() and 1 <= int(text) <= len(options):
        return options[int(text) - 1]
    return text
