"""Passages become findable by parts of words and by meaning, in the background, and only once."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tailrace.context.children import children, embedded_texts, estimated_tokens
from tailrace.context.indexer import CoverageState, VectorIndexer
from tailrace.context.meaning import Meaning
from tailrace.context.search import ContextIndex
from tailrace.stores.documents import DocumentOrigin
from tailrace.stores.sqlite.documents import SqliteDocuments
from tailrace.stores.sqlite.store import SQLiteStore
from tailrace.stores.sqlite.vectors import SqliteVectors
from tailrace.testing.documents import put
from tailrace.testing.embedders import WordEmbedder

pytest.importorskip("numpy")


class Home:
    """A store, an embedder that needs no model, and what works between them."""

    def __init__(self, store: SQLiteStore, embedder: WordEmbedder) -> None:
        self.documents = SqliteDocuments(store.database)
        self.vectors = SqliteVectors(store.database)
        self.embedder = embedder
        self.indexer = VectorIndexer(self.vectors, embedder, quiet_s=0.0)
        self.index = ContextIndex(self.documents, Meaning(embedder, self.vectors))
        self.documents.on_put(self.indexer.wake)

    async def settle(self) -> None:
        self.indexer.start()
        self.indexer.wake()
        async with asyncio.timeout(20):
            await self.indexer.settled()

    async def facts(self) -> tuple[int, int, CoverageState]:
        coverage = await self.indexer.coverage("")
        return coverage.pieces, coverage.embedded, coverage.state

    async def found(self, question: str, **within: object) -> list[str]:
        passages = await self.index.search(question, owner="", **within)  # pyright: ignore[reportArgumentType]
        return [passage.text for passage in passages]


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncGenerator[SQLiteStore]:
    store = await SQLiteStore.open(tmp_path / "home.db")
    yield store
    await store.aclose()


@pytest.fixture
async def home(opened: SQLiteStore) -> AsyncGenerator[Home]:
    made = Home(opened, WordEmbedder())
    yield made
    await made.indexer.aclose()


async def test_a_passage_is_found_by_parts_of_its_words_and_by_meaning(home: Home) -> None:
    await put(home.documents, "/a", "The Dampfkesselventil hums.\nA cat sleeps.")
    assert await home.found("kesselvent") == []
    assert await home.facts() == (2, 0, CoverageState.WORKING)
    await home.settle()
    assert await home.found("kesselvent") == ["The Dampfkesselventil hums.", "A cat sleeps."]
    assert await home.facts() == (2, 2, CoverageState.READY)
    verdict = await home.index.judge(
        "Who sleeps?", await home.index.search("Who sleeps?", owner=""), owner=""
    )
    assert verdict.cosine is not None


async def test_words_that_were_embedded_are_not_embedded_again(home: Home) -> None:
    await put(home.documents, "/a", "alpha beta\ngamma delta")
    await home.settle()
    before = [*home.embedder.texts]
    await put(home.documents, "/copy", "alpha beta")
    await put(home.documents, "/a", "alpha beta\nsomething new")
    await home.settle()
    assert home.embedder.texts[len(before) :] == ["\nsomething new"]
    assert await home.facts() == (3, 3, CoverageState.READY)


async def test_vectors_go_with_the_last_passage_that_has_their_words(home: Home) -> None:
    first = await put(home.documents, "/a", "alpha beta")
    second = await put(home.documents, "/b", "alpha beta")
    await home.settle()
    await home.documents.delete(first.id, "")
    assert await home.vectors.count("words") == 1
    assert await home.found("alpha beta") == ["alpha beta"]
    await home.documents.delete(second.id, "")
    assert await home.vectors.count("words") == 0
    assert await home.found("alpha beta") == []


async def test_another_model_takes_over_once_it_has_read_everything(
    home: Home, opened: SQLiteStore
) -> None:
    await put(home.documents, "/a", "alpha beta\ngamma delta")
    await home.settle()
    await home.indexer.aclose()
    other = Home(opened, WordEmbedder("others", dimensions=32))
    other.embedder.fails = True
    await other.settle()
    assert await home.vectors.count("words") == 2
    assert (await other.indexer.coverage("")).state is CoverageState.FAILED
    assert await other.found("alpha") == ["alpha beta"]
    other.embedder.fails = False
    other.indexer.wake()
    await other.settle()
    await other.indexer.aclose()
    assert await home.vectors.count("words") == 0
    assert await home.vectors.count("others") == 2
    assert (await other.found("delta gamma"))[0] == "gamma delta"


async def test_without_an_embedding_model_words_are_searched(opened: SQLiteStore) -> None:
    documents, vectors = SqliteDocuments(opened.database), SqliteVectors(opened.database)
    await put(documents, "/a", "alpha beta")
    indexer = VectorIndexer(vectors, None)
    indexer.start()
    await indexer.settled()
    coverage = await indexer.coverage("")
    assert (coverage.state, coverage.model, coverage.pieces) == (CoverageState.OFF, "", 1)
    assert len(await ContextIndex(documents).search("alph", owner="")) == 1
    await indexer.aclose()


async def test_nobody_finds_by_meaning_what_is_somebody_elses(home: Home) -> None:
    for number in range(60):
        await put(home.documents, f"/{number}", f"alpha beta {number}", owner="jonas")
    mine = await put(home.documents, "/mine", "alpha and much else that is not beta", owner="mira")
    await home.settle()
    found = await home.index.search("alpha beta", owner="mira")
    assert [passage.document_id for passage in found] == [mine.id]
    origins = [DocumentOrigin.UPLOAD]
    assert await home.index.search("alpha beta", owner="mira", origins=origins) == []
    kept = await home.index.search("alpha beta", owner="mira", document_ids=[mine.id])
    assert [passage.document_id for passage in kept] == [mine.id]


async def test_several_ways_to_ask_are_one_search(home: Home) -> None:
    await put(home.documents, "/a", "the boiler hums\nthe kettle whistles\nthe cat sleeps")
    await home.settle()
    passages = await home.index.search(["boiler", "kettle"], owner="", limit=2)
    assert {passage.text for passage in passages} == {"the boiler hums", "the kettle whistles"}


def test_parts_are_short_enough_and_leave_nothing_out() -> None:
    for text in ("word " * 200, "x" * 1_000, "火车七点出发。" * 140, "a.b(c)[d]{e};" * 75, "short"):
        parts = children(text)
        assert "".join(text[part.start : part.end] for part in parts) == text
        assert all(estimated_tokens(text[part.start : part.end]) < 256 for part in parts)
    assert embedded_texts("Boiler > Faults", "E4: low") == ["Boiler > Faults\nE4: low"]
