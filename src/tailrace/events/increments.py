"""Floor 0: Increments, a text that came piece by piece, and how far a `retract` can take it back.

Rule 1: taking a piece in costs the same however many came before it.
Rule 2: pieces whose seqs follow one another may become one; a `retract` never goes back to a place
    between them, because it names an event that is no increment.
"""

from collections.abc import Iterable
from typing import NamedTuple

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


class _Piece(NamedTuple):
    seq: int
    events: int
    text: str


class Increments:
    """A text so far.

    Attributes:
        count: How many increments it came in.
        length: In Unicode code points.
    """

    __slots__ = ("_pieces", "count", "length")

    def __init__(self, text: str = "", marks: Iterable[Mark] = ()) -> None:
        """The text that `marks` divide: as `text` and `marks` gave it."""
        self._pieces: list[_Piece] = []
        self.count = self.length = 0
        for mark in marks:
            end = self.length + mark.length
            self._pieces.append(_Piece(mark.seq, mark.count, text[self.length : end]))
            self.count += mark.count
            self.length = end

    def add(self, event: StreamEvent) -> None:
        """Take in the next increment, or several that were merged into one."""
        count = event.seq - event.first_seq + 1
        self._pieces.append(_Piece(event.seq, count, event.content))
        self.count += count
        self.length += len(event.content)

    @property
    def text(self) -> str:
        """The text."""
        return "".join([piece.text for piece in self._pieces])

    def holds(self, seq: int) -> bool:
        """Whether the event `seq` is one of the increments."""
        for piece in reversed(self._pieces):
            if piece.seq < seq:
                return False
            if piece.seq - piece.events < seq:
                return True
        return False

    def take_back(self, after: int) -> None:
        """Drop what came after the event `after`."""
        while self._pieces and self._pieces[-1].seq > after:
            piece = self._pieces.pop()
            self.count -= piece.events
            self.length -= len(piece.text)

    def marks(self) -> list[Mark]:
        """Where the text can be taken back to; pieces that belong together become one."""
        runs: list[tuple[int, int, list[str]]] = []
        for seq, count, text in self._pieces:
            if runs and runs[-1][0] == seq - count:
                runs[-1][2].append(text)
                runs[-1] = (seq, runs[-1][1] + count, runs[-1][2])
            else:
                runs.append((seq, count, [text]))
        self._pieces = [_Piece(seq, count, "".join(texts)) for seq, count, texts in runs]
        return [Mark(seq, count, len(text)) for seq, count, text in self._pieces]
