"""Floor 7: asking, what a run asks back, and what the person at the terminal types.

Rule 1: only a question that is still open is asked: a replay of one that was answered is not.
Rule 2: whoever else answers first, or ends the run, takes the question away again.
"""

import asyncio
import os
import sys
import threading

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


async def answer(door: Door, asked: StreamEvent, screen: Screen, *, may_ask: bool) -> None:
    """Have `asked` answered by the person at the terminal, if it is still open.

    Raises:
        UnansweredError: it is open; they typed the end of their input, or nobody can be asked, and
            nobody else can reach this home either.
        TailraceError: the run cannot be reached.
    """
    view = await door.get_run(asked.run_id)
    if view.state is not RunState.WAITING or view.last_seq != asked.seq:
        return
    if not may_ask and door.url:
        return  # somebody else may answer
    if not may_ask:
        raise UnansweredError
    request = InputRequest.of(asked)
    while True:
        screen.ask(request)
        line = await _typed()
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


async def _typed() -> str | None:
    """The next line from stdin; None at its end.

    It is read by a thread that holds no lock and that nothing waits for: a read of a terminal
    cannot be taken back, and whoever leaves must not have to press Enter first.
    """
    loop = asyncio.get_running_loop()
    typed: asyncio.Future[bytes] = loop.create_future()

    def tell(line: bytes) -> None:
        if not typed.done():
            typed.set_result(line)

    def read() -> None:
        line = os.read(sys.stdin.fileno(), _LINE_BYTES)
        if not loop.is_closed():
            loop.call_soon_threadsafe(tell, line)

    threading.Thread(target=read, name="typed", daemon=True).start()
    line = await typed
    return line.decode(errors="replace") if line else None


def _chosen(text: str, options: tuple[str, ...]) -> str:
    """The option that `text` is the number of, else `text` itself."""
    if text.isascii() and text.isdecimal() and 1 <= int(text) <= len(options):
        return options[int(text) - 1]
    return text
