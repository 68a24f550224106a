"""Floor 0: Increments, a text that came piece by piece, and how far a `retract` can take it back.

Rule 1: taking a piece in costs the same however many came before it.
Rule 2: pieces whose seqs follow one another may become one; a `retract` never goes back to a place
    between them, because it names an event that is no increment.
"""

from collections.abc import Iterable

import msgspec

from tailrace.events.event import StreamEvent


class Mark(msgspec.Struct, frozen=True):
    """A stretch of a text.

    Attributes:
        seq: Of the last event it came in.
        count: Of those events; their seqs follow one another.
        length: In Unicode code points.
    """

    seq: int
    count: int
    length: int


class _Run:
    """Increments whose seqs follow one another, from `first` on.

    Attributes:
        texts: One for each of them, unless they were merged before or since.
    """

    __slots__ = ("count", "first", "texts")

    def __init__(self, first: int, count: int, text: str) -> None:
        self.first = first
        self.count = count
        self.texts = [text]

    @property
    def length(self) -> int:
        """In Unicode code points."""
        return sum(map(len, self.texts))

    @property
    def end(self) -> int:
        """The seq that follows."""
        return self.first + self.count


class Increments:
    """A text so far.

    Attributes:
        count: How many increments it came in.
        length: In Unicode code points.
    """

    __slots__ = ("_runs", "count", "length")

    def __init__(self, text: str = "", marks: Iterable[Mark] = ()) -> None:
        """The text that `marks` divide: as `text` and `marks` gave it."""
        self._runs: list[_Run] = []
        self.count = self.length = 0
        for mark in marks:
            end = self.length + mark.length
            self._add(mark.seq - mark.count + 1, mark.count, text[self.length : end])

    def add(self, event: StreamEvent) -> None:
        """Take in the next increment, or several that were merged into one."""
        text, runs = event.content, self._runs
        if runs and "merged" not in event.metadata:  # the usual one, made cheap
            last = runs[-1]
            count = last.count
            if last.first + count == event.seq and count == len(last.texts):
                last.texts.append(text)
                last.count = count + 1
                self.count += 1
                self.length += len(text)
                return
        first = event.first_seq
        self._add(first, event.seq - first + 1, text)

    @property
    def text(self) -> str:
        """The text."""
        return "".join([text for run in self._runs for text in run.texts])

    def holds(self, seq: int) -> bool:
        """Whether the event `seq` is one of the increments."""
        return any(run.first <= seq < run.end for run in reversed(self._runs))

    def take_back(self, after: int) -> None:
        """Drop what came after the event `after`."""
        while self._runs and self._runs[-1].end > after + 1:
            run = self._runs.pop()
            self.count -= run.count
            self.length -= run.length
            kept = after - run.first + 1
            if kept > 0 and len(run.texts) == run.count:
                run.texts, run.count = run.texts[:kept], kept
                self._runs.append(run)
                self.count += run.count
                self.length += run.length

    def marks(self) -> list[Mark]:
        """Where the text can be taken back to; what belongs together becomes one."""
        runs: list[_Run] = []
        for run in self._runs:
            if runs and runs[-1].end == run.first:
                runs[-1].count += run.count
                runs[-1].texts += run.texts
            else:
                runs.append(run)
        for run in runs:
            run.texts = ["".join(run.texts)]
        self._runs = runs
        return [Mark(run.end - 1, run.count, run.length) for run in runs]

    def _add(self, first: int, count: int, text: str) -> None:
        self._runs.append(_Run(first, count, text))
        self.count += count
        self.length += len(text)
