"""Floor 1: when a failed model call is tried again, and how long it waits before that.

Rule 1: only before the first token reached the caller; afterwards a retry would say things twice.
Rule 2: a deadline that passed is not tried again: the endpoint had its time.
Rule 3: an endpoint that asks for a longer wait than `max_retry_after_s` is not waited for.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from tailrace.errors import ModelError, ModelTimeoutError


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often, and how long between.

    Attributes:
        retries: Further tries after the first.
        base_s: Longest wait before the second try; it doubles with each further one.
        ceiling_s: Longest wait before any try.
        max_retry_after_s: The longest `Retry-After` that is waited for.
        draw: A number from 0.0 to 1.0, by which each wait is shortened (full jitter).
        sleep: How to wait.
    """

    retries: int = 2
    base_s: float = 0.5
    ceiling_s: float = 8.0
    max_retry_after_s: float = 20.0
    draw: Callable[[], float] = random.random  # noqa: S311 - jitter is no secret
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    def wait_s(self, error: ModelError, tries: int) -> float | None:
        """How long to wait after `tries` tries ended in `error`; None: give up."""
        if tries > self.retries or not error.retryable or isinstance(error, ModelTimeoutError):
            return None
        if error.retry_after_s is not None:
            return error.retry_after_s if error.retry_after_s <= self.max_retry_after_s else None
        return self.draw() * min(self.ceiling_s, self.base_s * 2 ** (tries - 1))


def parse_retry_after(value: str, now: datetime) -> float | None:
    """Seconds from `now` that a `Retry-After` header asks for; None where it makes no sense.

    Source: https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
    """
    text = value.strip()
    try:
        seconds = float(text)  # some endpoints send fractions
    except ValueError:
        try:
            at = parsedate_to_datetime(text)
        except ValueError:
            return None
        aware = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
        return max(0.0, (aware - now).total_seconds())
    return seconds if 0 <= seconds < float("inf") else None
