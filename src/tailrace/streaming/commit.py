"""Floor 2: Commit, one thing on its way to the store, which is asked again where that may help.

Rule 1: each try is the same, byte for byte: where only the answer to an earlier one was lost, the
    store takes it for the repeat it is.
Rule 2: it is tried a few times in less than two seconds; what fails then has failed.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from tailrace.errors import StoreError

WAITS_S: Final = (0.05, 0.1, 0.2, 0.4, 0.8)
"""Before each further try."""


class Commit:
    """Something the store is to keep.

    Attributes:
        under_way: The present try, or the wait for the next one.
    """

    __slots__ = ("_decided", "_send", "_tries", "under_way")

    def __init__(
        self,
        send: "Callable[[], asyncio.Future[int]]",
        decided: Callable[[BaseException | None], None],
    ) -> None:
        """Have it kept.

        Args:
            send: Asks the store, once for each try.
            decided: Is told, in a later turn of the loop, that it is kept, or why it is not.
        """
        self._send = send
        self._decided = decided
        self._tries = 0
        self.under_way: asyncio.Future[int] = self._try()

    def _try(self) -> "asyncio.Future[int]":
        try:
            answer = self._send()
        except StoreError as error:
            answer = asyncio.get_running_loop().create_future()
            answer.set_exception(error)
        answer.add_done_callback(self._answered)
        return answer

    def _answered(self, answer: "asyncio.Future[int]") -> None:
        error = StoreError("the store was closed") if answer.cancelled() else answer.exception()
        may_help = isinstance(error, StoreError) and error.retryable
        if not may_help or self._tries == len(WAITS_S):
            self._decided(error)
            return
        loop = asyncio.get_running_loop()
        wait: asyncio.Future[int] = loop.create_future()
        loop.call_later(WAITS_S[self._tries], self._try_again, wait)
        self._tries += 1
        self.under_way = wait

    def _try_again(self, wait: "asyncio.Future[int]") -> None:
        self.under_way = self._try()
        wait.set_result(0)
