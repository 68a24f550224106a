"""The samples come once, answer something, and stay deleted."""

import pytest

from tailrace.context.ingest import Ingest
from tailrace.context.sample_documents import add_samples, sample_names
from tailrace.context.search import ContextIndex
from tailrace.stores.documents import DocumentOrigin
from tailrace.stores.sqlite.documents import SqliteDocuments


async def test_a_new_home_gets_them_once(ingest: Ingest, store: SqliteDocuments) -> None:
    names = sample_names()
    assert await add_samples(store, ingest) == len(names) == 6
    rows, count = await store.list_documents("", limit=20, offset=0)
    assert [row.source for row in rows] == names
    assert {row.origin for row in rows} == {DocumentOrigin.SAMPLE}
    assert await add_samples(store, ingest) == 0
    for row in rows:
        await ingest.remove(row.id)
    assert await add_samples(store, ingest) == 0
    assert count == 6
    assert (await store.list_documents("", limit=20, offset=0))[1] == 0


async def test_a_home_with_documents_gets_none_then_or_later(
    ingest: Ingest, store: SqliteDocuments
) -> None:
    row = await ingest.add_text("mine.txt", "text")
    assert await add_samples(store, ingest) == 0
    await ingest.remove(row.id)
    assert await add_samples(store, ingest) == 0


async def test_adding_them_goes_on_where_it_was_cut_short(
    ingest: Ingest, store: SqliteDocuments
) -> None:
    await ingest.add_text(sample_names()[0], "half", origin=DocumentOrigin.SAMPLE)
    assert await add_samples(store, ingest) == 6
    assert (await store.list_documents("", limit=20, offset=0))[1] == 6


@pytest.mark.parametrize(
    ("question", "source", "fact"),
    [
        ("What does fault code E04 on the boiler mean?", "boiler-manual.html", "Refill to 1.4 bar"),
        ("When does the night ferry leave?", "trip-to-varnholm.md", "22:15"),
        ("Who makes the bicycle shed, and what does it cost?", "courtyard-meeting.md", "4,860"),
        ("How long is the plum cake baked?", "plum-cake.md", "40 minutes"),
        ("Until when is the electricity price fixed?", "flat-and-contracts.txt", "30 September"),
        ("How dry must a plant be to get water?", "watering.py", "DRY_BELOW_PERCENT = 35"),
    ],
)
async def test_they_answer(
    ingest: Ingest,
    store: SqliteDocuments,
    index: ContextIndex,
    question: str,
    source: str,
    fact: str,
) -> None:
    await add_samples(store, ingest)
    passages = await index.search(question, owner="")
    assert passages[0].source == source
    assert any(fact in passage.text for passage in passages if passage.source == source)
    assert (await index.judge(question, passages, owner="")).relevant


@pytest.mark.parametrize(
    "question",
    ["Who won the chess olympiad in Budapest?", "How do vaccines train the immune system?"],
)
async def test_what_they_do_not_know_is_known_to_be_missing(
    ingest: Ingest, store: SqliteDocuments, index: ContextIndex, question: str
) -> None:
    await add_samples(store, ingest)
    passages = await index.search(question, owner="")
    assert (await index.judge(question, passages, owner="")).relevant is False
