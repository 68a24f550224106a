"""Floor 1: what a store promises about passages after they can be found by their words.

Rule 1: a vector belongs to words and a model, not to a passage: what is moved, renamed, added
    twice or restored has its vector already.
Rule 2: no step takes long: each does a bounded amount.
Rule 3: vectors of another model stay until somebody says that they are not needed.
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from tailrace.stores.documents import EVERYWHERE, Hit, Within


class Unembedded(msgspec.Struct, frozen=True):
    """Words of a passage that have no vector yet; `sha256` is their name."""

    sha256: bytes
    heading: str
    text: str


class VectorRow(msgspec.Struct, frozen=True):
    """The vectors of a passage's words, as they were kept; `id` counts up."""

    id: int
    data: bytes


class VectorHit(msgspec.Struct, frozen=True):
    """A passage, and the id of its words' vectors; the hit's score is 0.0."""

    vector_id: int
    hit: Hit


class Covered(msgspec.Struct, frozen=True):
    """How many passages an owner has, and how many of them a model's vectors cover."""

    pieces: int
    embedded: int


class VectorStore(Protocol):
    """Finishes passages and keeps their vectors."""

    async def finish(self) -> int:
        """Make a few passages findable by parts of words, the newest first; how many they were."""
        ...

    async def tidy(self) -> bool:
        """Do a little of the work that keeps searching quick; whether there was any."""
        ...

    async def unembedded(self, model: str, limit: int) -> list[Unembedded]:
        """Up to `limit` passages' words without a vector of `model`, newest first, each once."""
        ...

    async def keep(
        self, model: str, dimensions: int, vectors: Sequence[tuple[bytes, bytes]]
    ) -> None:
        """Keep vectors, each with the hash of its words; those that have one keep theirs."""
        ...

    async def vectors_after(self, model: str, after: int, limit: int) -> list[VectorRow]:
        """Up to `limit` vectors of `model` with an id above `after`, in the order of their ids."""
        ...

    async def dimensions(self, model: str) -> int | None:
        """The length of the vectors of `model`; None where there are none."""
        ...

    async def ids_of(self, chunk_ids: Sequence[int], model: str) -> dict[int, int]:
        """For those of these passages that have one, the id of their vectors of `model`."""
        ...

    async def count(self, model: str) -> int:
        """How many vectors of `model` there are."""
        ...

    async def hits(
        self, owner: str, vector_ids: Sequence[int], within: Within = EVERYWHERE
    ) -> list[VectorHit]:
        """The owner's passages with one of these vectors, in no order."""
        ...

    async def ids_within(self, owner: str, model: str, within: Within = EVERYWHERE) -> list[int]:
        """The ids of the vectors of `model` that the owner's passages have."""
        ...

    async def covered(self, owner: str, model: str) -> Covered:
        """How many passages the owner has, and how many have a vector of `model`."""
        ...

    async def forget_others(self, model: str) -> bool:
        """Remove some vectors of other models; whether none is left."""
        ...
