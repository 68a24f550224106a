"""Testing floor: FakeClock, a clock that moves only when a test says so."""

from datetime import UTC, datetime, timedelta


class FakeClock:
    """A `Clock` that stands still until it is advanced.

    Attributes:
        slept_s: What was asked of `sleep`, in order.
    """

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._start = start
        self._elapsed_s = 0.0
        self.slept_s: list[float] = []

    def now(self) -> datetime:
        """The wall clock: aware, UTC."""
        return self._start + timedelta(seconds=self._elapsed_s)

    def monotonic_s(self) -> float:
        """Seconds since this clock was made, as far as it was advanced."""
        return self._elapsed_s

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass.

        Raises:
            ValueError: `seconds` is negative; time does not run backwards.
        """
        if seconds < 0:
            msg = f"a clock cannot be advanced by {seconds} s"
            raise ValueError(msg)
        self._elapsed_s += seconds

    async def sleep(self, seconds: float) -> None:
        """Let `seconds` pass on this clock, and return at once; stands in for `asyncio.sleep`."""
        self.slept_s.append(seconds)
        self.advance(seconds)
