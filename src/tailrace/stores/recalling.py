"""Floor 1: what a store says about conversations as documents: which lag behind, which are left.

Rule: a conversation and the document made of it lie in the same store, so that one look tells.
"""

from typing import Protocol


class Recalling(Protocol):
    """Compares conversations with the documents that were made of them."""

    async def unrecalled(self, before: int | None, limit: int) -> list[tuple[int, str]]:
        """Id and owner of conversations with an answer that is newer than their document.

        The newest first, with ids below `before`; deleted ones are left out.
        """
        ...

    async def left_over(self, limit: int, *, everything: bool) -> list[tuple[int, str]]:
        """Id and owner of documents whose conversation is deleted or gone, or of `everything`."""
        ...
