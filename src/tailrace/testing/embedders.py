"""Floor 7: the kit an embedding model has to pass, and one that needs no model.

Call each of `CHECKS` with an open `Embedder`; a check raises AssertionError.
"""

import hashlib
import math
import re
from array import array
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from tailrace.errors import ModelUnavailableError
from tailrace.llm.embedding import Embedder, Vector

_WORD: Final = re.compile(r"\w+")
_TEXTS: Final = ("The boiler is cold.", "", "火车七点出发。", "x" * 30_000, "🐈 \0 \n")


class WordEmbedder:
    """Texts are near one another as far as they share words; for tests, quick and without a model.

    Attributes:
        texts: What was embedded for documents so far, in order.
        questions: What was embedded for somebody who waited.
        fails: Whether it fails from now on.
        rests: How often it was told to rest.
    """

    def __init__(self, model: str = "words", dimensions: int = 96) -> None:
        self.model = model
        self.dimensions: int | None = dimensions
        self.texts: list[str] = []
        self.questions: list[str] = []
        self.fails = False
        self.rests = 0
        self._length = dimensions

    async def embed(self, texts: Sequence[str], *, query: bool = False) -> list[Vector]:
        """The vector of each of `texts`.

        Raises:
            ModelUnavailableError: it `fails`.
        """
        if self.fails:
            msg = "the embedding model is not there"
            raise ModelUnavailableError(msg)
        (self.questions if query else self.texts).extend(texts)
        return [self._vector(text) for text in texts]

    async def rest(self) -> None:
        """Count that."""
        self.rests += 1

    async def aclose(self) -> None:
        """Nothing is held."""

    def _vector(self, text: str) -> Vector:
        values = [1e-6] * self._length
        for word in _WORD.findall(text.lower()):
            place = int.from_bytes(hashlib.sha256(word.encode()).digest()[:4], "big")
            values[place % self._length] += 1.0
        norm = math.hypot(*values)
        return array("f", [value / norm for value in values])


async def there_is_a_vector_for_each_text(embedder: Embedder) -> None:
    """In their order, of one length, and as long as 1.0, whatever the text."""
    vectors = await embedder.embed(_TEXTS)
    assert len(vectors) == len(_TEXTS)
    assert {len(vector) for vector in vectors} == {embedder.dimensions}
    assert all(abs(math.hypot(*vector) - 1.0) < 1e-3 for vector in vectors)
    assert await embedder.embed([]) == []


async def a_text_has_one_vector(embedder: Embedder) -> None:
    """Alone, among others, and where somebody waits for it."""
    [alone] = await embedder.embed(_TEXTS[:1])
    *_, among = await embedder.embed([*_TEXTS[1:], _TEXTS[0]])
    [asked] = await embedder.embed(_TEXTS[:1], query=True)
    assert _cosine(alone, among) > 0.999
    assert _cosine(alone, asked) > 0.999


async def texts_about_the_same_are_nearer(embedder: Embedder) -> None:
    """Than those that are about something else."""
    question, answer, other = await embedder.embed(
        ["Is the boiler cold?", "The boiler is cold.", "A train leaves at seven."]
    )
    assert _cosine(question, answer) > _cosine(question, other) + 0.1


async def after_a_rest_it_goes_on(embedder: Embedder) -> None:
    """As before."""
    before = await embedder.embed(_TEXTS[:1])
    await embedder.rest()
    await embedder.rest()
    after = await embedder.embed(_TEXTS[:1])
    assert _cosine(before[0], after[0]) > 0.999


def _cosine(one: Vector, other: Vector) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


CHECKS: Final[tuple[Callable[[Embedder], Awaitable[None]], ...]] = (
    there_is_a_vector_for_each_text,
    a_text_has_one_vector,
    texts_about_the_same_are_nearer,
    after_a_rest_it_goes_on,
)
