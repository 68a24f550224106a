"""Floor 1: what an embedding model promises; `tailrace.testing.embedders` proves it for anybody's.

Rule 1: one vector for each text, in their order, of one length, 1.0 long.
Rule 2: the same text has the same vector, whatever else is embedded beside it.
Rule 3: whatever goes wrong is raised as a `ModelError`; nothing else escapes but `CancelledError`.
Rule 4: a text that is longer than the model reads is cut, never refused.
"""

from array import array
from collections.abc import Sequence
from typing import Protocol, TypeAlias

Vector: TypeAlias = "array[float]"
"""Of type code `f`: float32."""


class Embedder(Protocol):
    """Turns texts into vectors that are near one another where the texts mean similar things."""

    @property
    def model(self) -> str:
        """Its name; vectors of two names do not compare."""
        ...

    @property
    def dimensions(self) -> int | None:
        """The length of its vectors; None where that is not known yet."""
        ...

    async def embed(self, texts: Sequence[str], *, query: bool = False) -> list[Vector]:
        """The vector of each of `texts`.

        Args:
            texts: What is embedded.
            query: Whether somebody waits for it: then it is not to wait behind other work.

        Raises:
            ModelError: of the class that says what happened.
        """
        ...

    async def rest(self) -> None:
        """Let go of what is only held for the next call; that brings it back."""
        ...

    async def aclose(self) -> None:
        """Close connections, and stop what this embedder started."""
        ...
