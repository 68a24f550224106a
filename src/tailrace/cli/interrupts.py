"""Floor 7: Interrupts, what Ctrl-C means while a run is followed.

Rule 1: the first asks the run to stop; whoever follows it sees it end, and keeps what there is.
Rule 2: the second leaves at once; what is stored is safe, it is committed before it is shown.
"""

import asyncio
import os
import signal
import sys
from types import FrameType, TracebackType
from typing import Self

from tailrace.cli.exits import Exit

_SHOW_CURSOR = "\x1b[?25h"


class Interrupts:
    """Takes Ctrl-C over while it is entered.

    Attributes:
        pressed: Set at the first one.
    """

    def __init__(self) -> None:
        self.pressed = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._before: object = None

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

    def _take(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        if self.pressed.is_set():
            if sys.stdout.isatty():
                os.write(sys.stdout.fileno(), f"{_SHOW_CURSOR}\n".encode())
            os._exit(Exit.CANCELLED)
        self._loop.call_soon_threadsafe(self.pressed.set)
