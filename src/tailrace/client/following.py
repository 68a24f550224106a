"""Floor 1: Following, what a reader of a run knows between two connections. Pure: no I/O.

Rule 1: an event is given once, in order; what a rejoined stream repeats is left out.
Rule 2: a stream without its terminal event is not finished: it is rejoined, and in the end said.
Rule 3: what came must fit what the terminal event says of it: last seq, and hash of the answer.
Rule 4: a response that its server ends in good order is no failure: it is rejoined at once.
"""

import random
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from tailrace.client.problems import problem_of
from tailrace.errors import IncompleteStreamError
from tailrace.events.event import Cursor, StreamEvent
from tailrace.events.receipt import Receipt
from tailrace.wire.sse import SSEDecoder

MAX_ATTEMPTS: Final = 12
"""Connections in a row that bring nothing new before a reader gives up."""

_FIRST_WAIT_S: Final = 0.5
_LONGEST_WAIT_S: Final = 8.0
_LONGEST_RETRY_AFTER_S: Final = 60.0
_REJOIN_S: Final = 0.2
_AGAIN: Final = frozenset(
    {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)


class Following:
    """One reader of one run.

    Attributes:
        receipt: What has arrived, and whether it fits.
        cursor: The id of the newest event; None before the first.
        finished: Whether nothing more is to come.
    """

    def __init__(
        self,
        run_id: str,
        after: Cursor | None = None,
        *,
        max_attempts: int = MAX_ATTEMPTS,
        chance: Callable[[], float] = random.random,  # noqa: S311 - spreads, guards nothing
    ) -> None:
        self.receipt = Receipt(after.seq if after else 0)
        self.cursor = after
        self.finished = False
        self._run_id = run_id
        self._max_attempts = max_attempts
        self._chance = chance
        self._attempts = 0
        self._had_news = self._ended_well = False
        self._decoder = SSEDecoder()

    def path(self) -> str:
        """Where the events are."""
        return f"/api/agent/runs/{self._run_id}/events"

    def headers(self) -> dict[str, str]:
        """What a new connection asks for; call it once for each."""
        cursor = "" if self.cursor is None else str(self.cursor)
        self._decoder = SSEDecoder(last_event_id=cursor)
        self._had_news = self._ended_well = False
        accept = {"Accept": "text/event-stream"}
        return {**accept, "Last-Event-ID": cursor} if cursor else accept

    def answered(self, status: int, body: bytes = b"") -> None:
        """Take in how the server answered; `body` where it is an error's.

        Raises:
            TailraceError: it refuses for good.
        """
        if status == HTTPStatus.NO_CONTENT:
            self.finished = True
        elif status >= HTTPStatus.BAD_REQUEST and status not in _AGAIN:
            error = problem_of(status, body)
            raise error

    def feed(self, data: bytes) -> list[StreamEvent]:
        """The events within `data` that were not given before.

        Raises:
            WireError: an event is larger than a reader takes.
            InvalidRequestError: what came is no event.
            IncompleteStreamError: the run has ended, and something of it did not arrive.
        """
        events: list[StreamEvent] = []
        for received in self._decoder.feed(data):
            if received.event != "message":  # a sign of life, and whatever later servers name
                continue
            event = StreamEvent.from_json_bytes(received.data.encode())
            if self.finished or (self.cursor is not None and event.cursor <= self.cursor):
                continue
            self.receipt.take(event)
            self.cursor, self._attempts, self._had_news = event.cursor, 0, True
            self.finished = event.is_terminal
            events.append(event)
        if self.receipt.problems:
            msg = f"run {self._run_id}: {'; '.join(self.receipt.problems)}"
            raise IncompleteStreamError(msg, cursor=str(self.cursor or ""))
        return events

    def ended(self) -> None:
        """The response has ended, and nothing cut it off."""
        self._ended_well = self._had_news or self._decoder.comments > 0

    def wait_s(self, retry_after_s: float | None = None) -> float:
        """The connection is gone: how long to wait before the next one.

        Args:
            retry_after_s: What the server asked for, where it did.

        Raises:
            IncompleteStreamError: it has been tried often enough.
        """
        asked_s = min(retry_after_s or 0.0, _LONGEST_RETRY_AFTER_S)
        if self._ended_well:
            self._attempts = 0
            return max(asked_s, self._chance() * _REJOIN_S)
        self._attempts += 1
        if self._attempts > self._max_attempts:
            msg = (
                f"the stream of run {self._run_id} ended without its end, and could not be "
                f"rejoined in {self._max_attempts} attempts; watch it again from {self.cursor}"
            )
            raise IncompleteStreamError(msg, cursor=str(self.cursor or ""))
        backoff_s = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2 ** (self._attempts - 1))
        return max(asked_s, self._chance() * backoff_s)


def retry_after_s(text: str | None) -> float | None:
    """The header's seconds; None where it holds none."""
    return float(text) if text and text.isascii() and text.isdecimal() else None
