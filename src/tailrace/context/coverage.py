"""Floor 2: Coverage, how much of what can be searched has its vectors, and who makes them."""

from typing import Protocol

import msgspec


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """How far the vectors are.

    Attributes:
        pieces: Passages in all.
        embedded: Those that have a vector of the present model.
        model: What makes the vectors; "" where nothing does.
        state: For people: what it is doing.
    """

    pieces: int = 0
    embedded: int = 0
    model: str = ""
    state: str = "no embedding model"

    @property
    def is_whole(self) -> bool:
        """Whether there is nothing to wait for."""
        return not self.model or self.embedded >= self.pieces


class Vectors(Protocol):
    """Makes the vectors of what was read, in the background."""

    async def coverage(self, owner: str) -> Coverage:
        """How far it is."""
        ...

    async def advanced(self, owner: str) -> Coverage:
        """How far it is, once that is further than now, or it has stopped."""
        ...

    def wake(self) -> None:
        """There is something new."""
        ...


class NoVectors:
    """What there is without an embedding model."""

    async def coverage(self, owner: str) -> Coverage:
        """None is ever made."""
        del owner
        return Coverage()

    async def advanced(self, owner: str) -> Coverage:
        """None is ever made."""
        del owner
        return Coverage()

    def wake(self) -> None:
        """Nobody is there to be woken."""
