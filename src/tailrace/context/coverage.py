"""Floor 2: Coverage, how much of what can be searched has its vectors, and who makes them."""

from typing import Protocol

import msgspec


class Coverage(Protocol):
    """How far the vectors are."""

    @property
    def pieces(self) -> int:
        """Passages in all."""
        ...

    @property
    def embedded(self) -> int:
        """Those that have a vector of the present model."""
        ...

    @property
    def model(self) -> str:
        """What makes the vectors; "" where nothing does."""
        ...

    @property
    def state(self) -> str:
        """What it is doing: `off`, `working`, `ready`, `failed`."""
        ...


class Vectors(Protocol):
    """Makes the vectors of what was read, in the background."""

    async def coverage(self, owner: str) -> Coverage:
        """How far it is."""
        ...

    async def settled(self) -> None:
        """Return once there is nothing left to do, or it failed."""
        ...

    def wake(self) -> None:
        """There is something new."""
        ...


class NoCoverage(msgspec.Struct, frozen=True):
    """How far vectors are that nobody makes."""

    pieces: int = 0
    embedded: int = 0
    model: str = ""
    state: str = "off"


class NoVectors:
    """What there is without an embedding model."""

    async def coverage(self, owner: str) -> NoCoverage:
        """None is ever made."""
        del owner
        return NoCoverage()

    async def settled(self) -> None:
        """There is nothing to do."""

    def wake(self) -> None:
        """Nobody is there to be woken."""
