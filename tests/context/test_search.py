"""What is asked for is found, whatever a person types."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tailrace.context.ingest import Ingest
from tailrace.context.passages import PER_DOCUMENT, snippet
from tailrace.context.search import ContextIndex
from tailrace.context.terms import terms_of
from tailrace.stores.sqlite.documents import SqliteDocuments

FILLER = "Nothing of interest is said in this paragraph, which only makes the text longer. " * 18


async def test_a_passage_is_an_exact_slice_under_its_heading(
    ingest: Ingest, index: ContextIndex, store: SqliteDocuments
) -> None:
    row = await ingest.add_text("m.md", f"# Boiler\n\n{FILLER}\n## Faults\n\nE04: pressure low 🐈.")
    [passage] = await index.search("what does fault E04 mean?", owner="")
    assert passage.id == f"{row.id}.1.{passage.char_start}-{passage.char_end}"
    assert (passage.title, passage.heading, passage.page) == ("Boiler", "Boiler > Faults", None)
    assert passage.text == "## Faults\n\nE04: pressure low 🐈."
    text = await store.text(row.id, "", passage.char_start, passage.char_end)
    assert text == passage.text


async def test_stop_words_find_nothing_unless_there_is_nothing_else(
    ingest: Ingest, index: ContextIndex
) -> None:
    await ingest.add_text("a.txt", "The rent is due on the third.")
    await ingest.add_text("b.txt", "To be, or not to be.")
    assert [p.source for p in await index.search("what is the rent?", owner="")] == ["a.txt"]
    assert (await index.search("to be or not to be", owner=""))[0].source == "b.txt"
    assert await index.search(" ?! ", owner="") == []


async def test_one_document_does_not_take_all_places_and_copies_none(
    ingest: Ingest, index: ContextIndex
) -> None:
    many = "\n\n".join(f"Boiler part {n}. {FILLER}" for n in range(9))
    await ingest.add_text("many.txt", many)
    await ingest.add_text("one.txt", f"A boiler, once. {FILLER}")
    await ingest.add_text("copy.txt", f"A boiler, once. {FILLER}")
    found = await index.search("boiler", owner="", limit=8)
    sources = [passage.source for passage in found]
    assert sources.count("many.txt") == PER_DOCUMENT
    assert len([source for source in sources if source != "many.txt"]) == 1


async def test_identifiers_and_numbers_are_found_as_a_whole(
    ingest: Ingest, index: ContextIndex
) -> None:
    await ingest.add_text("a.py", "def read_max_tokens(): return 10.5")
    await ingest.add_text("b.txt", "tokens are max, read 5 of 10")
    assert (await index.search("max_tokens 10.5", owner=""))[0].source == "a.py"


@pytest.mark.parametrize("question", ["锅炉的压力应该是多少", "ボイラーの圧力は?", "보일러 압력"])
async def test_a_question_without_spaces_finds_its_words(
    ingest: Ingest, index: ContextIndex, question: str
) -> None:
    await ingest.add_text("zh.txt", "火车七点出发。锅炉的压力在一点二巴以上。")
    await ingest.add_text("ja.txt", "列車は七時に出る。ボイラーの圧力を見る。")
    await ingest.add_text("ko.txt", "기차는 일곱 시에 떠난다. 보일러의 압력을 본다.")
    [best, *_] = await index.search(question, owner="")
    assert best.source == {"锅": "zh.txt", "ボ": "ja.txt", "보": "ko.txt"}[question[0]]
    assert (await index.judge(question, [best], owner="")).relevant


async def test_a_search_keeps_to_its_owner_and_documents(
    ingest: Ingest, index: ContextIndex
) -> None:
    mine = await ingest.add_text("a.txt", "boiler", owner="mira")
    other = await ingest.add_text("b.txt", "my boiler", owner="mira")
    assert await index.search("boiler", owner="jonas") == []
    found = await index.search("boiler", owner="mira", document_ids=[other.id])
    assert [passage.document_id for passage in found] == [other.id]
    assert mine.id != other.id


HOSTILE = st.text(
    st.sampled_from("\"'*():^-+{}[]<>~\\/.,;|&%$#@!?_ \0\n\ud800aZ9é锅🐈") | st.characters(),
    max_size=80,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(HOSTILE)
async def test_no_question_is_an_error(index: ContextIndex, question: str) -> None:
    passages = await index.search(question, owner="")
    assert (await index.judge(question, passages, owner="")).relevant in {False, None}


@pytest.mark.parametrize("word", ["AND", "OR", "NOT", "NEAR(a b)", "heading:x", '"', "a" * 32_000])
async def test_operators_are_words(ingest: Ingest, index: ContextIndex, word: str) -> None:
    await ingest.add_text("a.txt", "boiler pressure")
    assert len(await index.search(f"{word} boiler {word}", owner="")) == 1


@given(st.text(max_size=2_000))
def test_terms_are_few_and_each_is_there_once(question: str) -> None:
    terms = terms_of(question * 20)
    assert len(terms.wanted) <= 48
    assert len(set(terms.wanted)) == len(terms.wanted)


@given(st.text(max_size=2_000), st.lists(st.text(min_size=1, max_size=9), max_size=5))
def test_a_snippet_is_one_short_line(text: str, words: list[str]) -> None:
    line = snippet(text, words)
    assert len(line) <= 280
    assert line == " ".join(line.split())
    assert bool(line) <= bool(text.strip())


def test_a_snippet_is_about_what_was_asked() -> None:
    text = f"{FILLER}\nThe deposit is 80.\n{FILLER}"
    assert snippet(text, ["deposits"]).startswith("The deposit is 80. Nothing of interest")
