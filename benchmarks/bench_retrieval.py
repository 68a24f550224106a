"""Searching 100,000 passages, reading 10,000 in, and what indexing costs a run that streams.

The text is made up of words whose frequencies fall as those of English do. The vectors of the
100,000 are random, of the size of the model's, since making real ones takes an hour; the question's
own is made by the model. Reading in is done without a parsing process of its own.

Run: make bench, or python benchmarks/bench_retrieval.py [--quick]
"""

import asyncio
import random
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import uvloop

from measuring import Bench
from tailrace.context.indexer import VectorIndexer
from tailrace.context.meaning import Meaning
from tailrace.context.search import ContextIndex
from tailrace.llm.minilm.embedder import MiniLMEmbedder
from tailrace.llm.minilm.model import DIMENSIONS, MODEL
from tailrace.stores.documents import DocumentOrigin, NewChunk, NewDocument
from tailrace.stores.sqlite.database import Synchronous
from tailrace.stores.sqlite.documents import SqliteDocuments
from tailrace.stores.sqlite.rows import rows
from tailrace.stores.sqlite.store import SQLiteStore
from tailrace.stores.sqlite.vectors import SqliteVectors

NOW = datetime(2026, 3, 4, tzinfo=UTC)
_WORDS = 60_000
_PASSAGE_WORDS = 110
_PASSAGES_A_DOCUMENT = 50
_PARTS = 2
_QUESTIONS = 200


class Corpus:
    """Passages and questions of words that are as rare as those of English."""

    def __init__(self) -> None:
        self._random = random.Random(1)  # noqa: S311 - the same text at every run
        letters = "etaoinshrdlcumwfgypbvk"
        self._words = [
            "".join(self._random.choices(letters, k=self._random.randint(3, 11)))
            for _ in range(_WORDS)
        ]
        self._weights = [1 / (place + 2.7) for place in range(_WORDS)]

    def passages(self, count: int) -> list[str]:
        """So many passages of about 800 characters."""
        words = self._random.choices(self._words, self._weights, k=count * _PASSAGE_WORDS)
        return [
            " ".join(words[first : first + _PASSAGE_WORDS])
            for first in range(0, len(words), _PASSAGE_WORDS)
        ]

    def question(self) -> str:
        """Eight words: common ones, and two that are rarer."""
        common = self._random.choices(self._words, self._weights, k=6)
        return " ".join([*common, *self._random.choices(self._words[500:20_000], k=2)])


async def main() -> None:
    """Measure and print."""
    bench = Bench("retrieval", __doc__, rounds=3, seconds=4.0)
    count = 10_000 if bench.options.quick else 100_000
    corpus = Corpus()
    with tempfile.TemporaryDirectory() as folder:
        await _read_in(bench, corpus, Path(folder) / "small.db")
        store = await SQLiteStore.open(Path(folder) / "large.db", Synchronous.NORMAL)
        await _search(bench, corpus, store, count)
        await _beside_a_run(bench, corpus, store)
        await store.aclose()
    bench.finish()


async def _read_in(bench: Bench, corpus: Corpus, path: Path) -> None:
    """10,000 passages, 25 a document, with every commit safe from a power loss."""
    passages = corpus.passages(10_000)
    for number in range(bench.options.rounds):
        store = await SQLiteStore.open(path.with_suffix(f".{number}"))
        start_s = time.perf_counter()
        await _fill(SqliteDocuments(store.database), passages, 25)
        bench.add(
            "10,000 passages: until found by their words",
            "s",
            time.perf_counter() - start_s,
            at_most=5,
        )
        await store.aclose()


async def _search(bench: Bench, corpus: Corpus, store: SQLiteStore, count: int) -> None:
    documents, vectors = SqliteDocuments(store.database), SqliteVectors(store.database)
    await _fill(documents, corpus.passages(count), _PASSAGES_A_DOCUMENT)
    start_s = time.perf_counter()
    while await vectors.finish():
        while await vectors.tidy():
            pass
    bench.add(f"{count:,} passages: into the trigram index", "s", time.perf_counter() - start_s)
    await _random_vectors(store, vectors)
    embedder = MiniLMEmbedder()
    lexical, fused = ContextIndex(documents), ContextIndex(documents, Meaning(embedder, vectors))
    await fused.search("warm the model and the matrix", owner="")
    for _ in range(bench.options.rounds):
        for name, index, target_ms in (("words", lexical, 50), ("fused", fused, 100)):
            took_ms: list[float] = []
            for _ in range(_QUESTIONS):
                question = corpus.question()
                start_s = time.perf_counter()
                await index.search(question, owner="")
                took_ms.append((time.perf_counter() - start_s) * 1e3)
            bench.add(f"{count:,} passages, {name}: p50", "ms", statistics.median(took_ms))
            p95 = statistics.quantiles(took_ms, n=20)[-1]
            bench.add(f"{count:,} passages, {name}: p95", "ms", p95, at_most=target_ms)
    await embedder.aclose()


async def _beside_a_run(bench: Bench, corpus: Corpus, store: SQLiteStore) -> None:
    """How long commits of one row take, every 5 ms, with and without indexing, turn by turn."""
    documents, vectors = SqliteDocuments(store.database), SqliteVectors(store.database)
    embedder = MiniLMEmbedder()
    for number in range(bench.options.rounds):
        quiet = await _commits(store, bench.options.seconds)
        await _fill(documents, corpus.passages(2_000), 25, prefix=f"more{number}-")
        indexer = VectorIndexer(vectors, embedder, quiet_s=0.0)
        indexer.start()
        await asyncio.sleep(1)  # the child has loaded its model
        busy = await _commits(store, bench.options.seconds)
        if embedder.pid is not None:
            own, child = _memory_mib("self"), _memory_mib(str(embedder.pid))
            bench.add("memory while embedding: the child", "MiB", child)
            bench.add("memory while embedding: both", "MiB", own + child)
        await indexer.aclose()
        bench.add("a commit, nothing is indexed: p99", "ms", statistics.quantiles(quiet, n=100)[-1])
        bench.add("a commit while indexing: p99", "ms", statistics.quantiles(busy, n=100)[-1])
    await embedder.aclose()


async def _commits(store: SQLiteStore, seconds: float) -> list[float]:
    took_ms: list[float] = []
    until_s = time.perf_counter() + seconds
    while time.perf_counter() < until_s:
        start_s = time.perf_counter()
        await store.database.write(
            lambda c: rows(c, "INSERT OR REPLACE INTO samples_settled VALUES ('bench', '')")
        )
        took_ms.append((time.perf_counter() - start_s) * 1e3)
        await asyncio.sleep(0.005)
    return took_ms


async def _fill(
    documents: SqliteDocuments, passages: list[str], each: int, *, prefix: str = ""
) -> None:
    for first in range(0, len(passages), each):
        texts = passages[first : first + each]
        document = NewDocument(
            owner="",
            source=f"/{prefix}{first}",
            title=f"{first}",
            kind="text",
            size_bytes=1,
            mtime_ns=1,
            sha256="",
            text="\n".join(texts),
            origin=DocumentOrigin.UPLOAD,
        )
        chunks = [_chunk(texts, place) for place in range(len(texts))]
        await documents.put(document, chunks, NOW)


def _chunk(texts: list[str], place: int) -> NewChunk:
    start = sum(len(text) + 1 for text in texts[:place])
    return NewChunk(
        heading="", char_start=start, char_end=start + len(texts[place]), text=texts[place]
    )


async def _random_vectors(store: SQLiteStore, vectors: SqliteVectors) -> None:
    """Two vectors for each passage; the scale is that of a vector 1.0 long."""
    generator = np.random.default_rng(1)
    hashes = [
        row[0] for row in await store.database.read(lambda c: rows(c, "SELECT sha256 FROM chunks"))
    ]
    scale = np.float32(1 / (74 * DIMENSIONS**0.5)).tobytes()
    for first in range(0, len(hashes), 1_000):
        some = hashes[first : first + 1_000]
        table = generator.integers(-127, 128, (len(some), _PARTS, DIMENSIONS), dtype=np.int8)
        made = [
            (sha256, b"".join(scale + part.tobytes() for part in parts))
            for sha256, parts in zip(some, table, strict=True)
        ]
        await vectors.keep(MODEL, DIMENSIONS, made)


def _memory_mib(process: str) -> float:
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * 4096 / 1024**2


if __name__ == "__main__":
    uvloop.run(main())
