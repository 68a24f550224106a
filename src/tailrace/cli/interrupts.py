"""Floor 7: Interrupts, what Ctrl-C means while a run is followed.

Rule 1: the first asks the run to stop; whoever follows it sees it end, and keeps what there is.
Rule 2: the second leaves as soon as the stop is kept, so that nobody goes on with the run later,
    and after three seconds in any case; a third leaves at once. What was shown is safe.
"""

import asyncio
import os
import signal
import sys
import threading
from types import FrameType, TracebackType
from typing import Self

from tailrace.cli.exits import Exit

_SHOW_CURSOR = "\x1b[?25h"
_LEAVING_S = 3.0


class Interrupts:
    """Takes Ctrl-C over while it is entered.

    Attributes:
        pressed: Set at the first one.
    """

    def __init__(self) -> None:
        self.pressed = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._before: object = None
        self._presses = 0
        self._answered = False

    def __enter__(self) -> Self:
        self._before = signal.signal(signal.SIGINT, self._take)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        before = self._before
        signal.signal(signal.SIGINT, before if callable(before) else signal.SIG_DFL)

    def stop_answered(self) -> None:
        """Hear that the run has been told to stop, or cannot be."""
        self._answered = True
        if self._presses > 1:
            _leave()

    def _take(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self._presses += 1
        if self._presses == 1:
            self._loop.call_soon_threadsafe(self.pressed.set)
        elif self._answered or self._presses > 2:  # noqa: PLR2004 - the third, as rule 2 says
            _leave()
        else:
            last = threading.Timer(_LEAVING_S, _leave)
            last.daemon = True
            last.start()


def _leave() -> None:
    if sys.stdout.isatty():
        os.write(sys.stdout.fileno(), f"{_SHOW_CURSOR}\n".encode())
    os._exit(Exit.CANCELLED)
