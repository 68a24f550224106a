"""Floor 6: Viewers, how many streams each owner has open, and how many it may.

Rule 1: who may not have one more is told so before anything is started or sent.
Rule 2: an owner without streams costs no memory.
"""

from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Final, cast

from fastapi import Depends
from starlette.requests import Request
from starlette.types import Scope

from tailrace.errors import TooManyStreamsError
from tailrace.server.caller import SCOPE_KEY, Caller

_RETRY_AFTER_S: Final = 5.0


class Viewers:
    """Counts the streams of each owner."""

    def __init__(self, max_each: int) -> None:
        self._max_each = max_each
        self._open: dict[str, int] = {}

    def check(self, owner: str) -> None:
        """Nothing, where the owner may have one more.

        Raises:
            TooManyStreamsError: it may not.
        """
        if self._open.get(owner, 0) >= self._max_each:
            msg = (
                f"{self._max_each:,} streams are open already, which is the most; close one, or "
                "ask with `Accept: application/json` and `?wait_s=` instead"
            )
            raise TooManyStreamsError(msg, retry_after_s=_RETRY_AFTER_S)

    @contextmanager
    def counting(self, owner: str) -> Generator[None]:
        """One stream more, for as long as this is entered."""
        self._open[owner] = self._open.get(owner, 0) + 1
        try:
            yield
        finally:
            self._open[owner] -= 1
            if not self._open[owner]:
                del self._open[owner]


def counted(scope: Scope) -> AbstractContextManager[None]:
    """Counts the request as a stream of whoever asks, where an application of ours serves it."""
    viewers = getattr(getattr(scope.get("app"), "state", None), "viewers", None)
    if not isinstance(viewers, Viewers):
        return nullcontext()
    return viewers.counting(cast("Caller", scope[SCOPE_KEY]).owner)


def check_room(request: Request) -> None:
    """Nothing, where whoever asks may have one stream more.

    Raises:
        TooManyStreamsError: they may not.
    """
    caller = cast("Caller", request.scope[SCOPE_KEY])
    cast("Viewers", request.app.state.viewers).check(caller.owner)


MAY_VIEW: Final = Depends(check_room)
"""A route's dependency that refuses one stream too many."""
