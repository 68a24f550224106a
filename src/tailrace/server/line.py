"""Floor 6: Line, what a stream may ask of its client's connection; Rounds, which look after all.

A viewer that waits shall cost little: no task and no timer of its own. One timer goes round all
streams of a server, and the connection itself tells a stream that its client has left.

Rule: a stream is looked at when something of it may be due, a few of them in one go, and not
    otherwise.
"""

import asyncio
import math
from typing import Final, Protocol, cast, final

from starlette.types import Scope

EXTENSION: Final = "tailrace.line"
"""ASGI extension: the request's `Line`, where the server is ours."""

_SHARE: Final = 16  # of the shortest time that a stream is to keep, by which a look may be late


class Attended(Protocol):
    """A stream, as those see it who look after it."""

    @property
    def every_s(self) -> float:
        """The shortest time that it is to keep."""
        ...

    def look(self, now_s: float) -> float:
        """Do what is due by now, on the loop's clock; in how many seconds to look again."""
        ...

    def lost(self) -> None:
        """Its client has left."""
        ...


class Line(Protocol):
    """A client's connection."""

    @property
    def is_full(self) -> bool:
        """Whether the client takes less than it was sent."""
        ...

    def attend(self, stream: Attended) -> None:
        """Look after `stream`, which answers the request that is under way."""
        ...

    def leave(self, stream: Attended) -> None:
        """Do so no more."""
        ...

    @property
    def is_chunked(self) -> bool:
        """Whether the response's body is sent in chunks."""
        ...

    def write(self, data: bytes) -> None:
        """Send a piece of the response's body now, and wait for nothing."""
        ...

    def write_raw(self, data: bytes) -> None:
        """Send what is a `chunk` already where the body is sent in chunks."""
        ...

    def abort(self) -> None:
        """Close at once, whatever waits to be sent."""
        ...


def chunk(data: bytes) -> bytes:
    """`data`, which is not empty, as one chunk of a body.

    Source: https://www.rfc-editor.org/rfc/rfc9112#section-7.1
    """
    return b"%x\r\n%b\r\n" % (len(data), data)


def line_of(scope: Scope) -> Line | None:
    """The line of a request; None where another server has taken it."""
    extensions = cast("dict[str, Line]", scope.get("extensions") or {})
    return extensions.get(EXTENSION)


@final
class Rounds:
    """Looks at every stream of one server when something of it may be due."""

    def __init__(self) -> None:
        self._grain_s = 0.0  # moments are rounded up to it, so that streams share them
        self._moments: dict[int, set[Attended]] = {}
        self._moment_of: dict[Attended, int] = {}
        self._timer: asyncio.TimerHandle | None = None

    def add(self, stream: Attended) -> None:
        """Look at `stream` from now on."""
        if not self._moments:
            self._grain_s = stream.every_s / _SHARE
        self._put(stream, asyncio.get_running_loop().time() + stream.every_s)

    def remove(self, stream: Attended) -> None:
        """Do so no more."""
        moment = self._moment_of.pop(stream, None)
        if moment is not None and moment in self._moments:
            self._moments[moment].discard(stream)

    def _put(self, stream: Attended, at_s: float) -> None:
        moment = math.ceil(at_s / self._grain_s)
        self._moment_of[stream] = moment
        there = self._moments.get(moment)
        if there is None:
            there = self._moments[moment] = set()
            self._arm()
        there.add(stream)

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        first_s = min(self._moments) * self._grain_s
        self._timer = asyncio.get_running_loop().call_at(first_s, self._go)

    def _go(self) -> None:
        self._timer = None
        now_s = asyncio.get_running_loop().time()
        for moment in [each for each in self._moments if each * self._grain_s <= now_s]:
            for stream in self._moments.pop(moment):
                self._put(stream, now_s + stream.look(now_s))
        if self._moments:
            self._arm()
