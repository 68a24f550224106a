"""What an answer rests on is told beside it: after its sentence, exact, and only where it is so."""

import asyncio
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as bounded
from hypothesis import strategies as st

from tailrace.events.event import JSON
from tailrace.events.types import EventType
from tailrace.settings import Settings
from tailrace.state.state import Query
from tailrace.testing.judging import judged_by, judgement
from tailrace.testing.model_script import Reply, classify_as
from tailrace.testing.workbench import Transcript, Workbench, open_workbench

PLAN = "# Plan\n\nThe budget of the lighthouse is 4,200 crowns. The keeper is Maren Holt ☂.\n"
FISH = "The lighthouse stands in the north. Herring is salted in barrels there.\n"
STRONG = Settings(model_class="strong")
QUESTION = Query(text="What of the lighthouse, its budget, keeper and herring?")


async def ask(home: Path, reply: Reply, *, kind: str = "qa_analysis") -> Transcript:
    script = judged_by(judgement({"all": [1]}), reply, kind)
    async with asyncio.timeout(20), open_workbench(home, script, settings=STRONG) as bench:
        await bench.add({"plan.md": PLAN, "fish.md": FISH})
        run = await bench.run(QUESTION)
        await check(bench, run)
        return run


async def check(bench: Workbench, run: Transcript) -> None:
    """Each citation is exact, and of a source that was told of before."""
    for fact in run.fold.citations:
        document_id, start, end, revision = (
            fact[name] for name in ("document_id", "char_start", "char_end", "revision")
        )
        assert isinstance(document_id, int)
        assert isinstance(start, int)
        assert isinstance(end, int)
        assert isinstance(revision, int)
        _, text = await bench.documents.excerpt(document_id, "", start, end, revision)
        assert fact["quote"] == text != ""
        assert fact["source_id"] in [source["id"] for source in run.fold.sources]


def cited(run: Transcript) -> list[tuple[str, JSON]]:
    """What was said, and the quote it rests on."""
    text = run.fold.text
    return [(text[_int(c["answer_start"]) : _int(c["answer_end"])], c["quote"]) for c in _of(run)]


def _of(run: Transcript) -> list[dict[str, JSON]]:
    return run.fold.citations


def _int(value: JSON) -> int:
    assert isinstance(value, int)
    return value


async def test_each_sentence_is_cited_after_its_last_chunk(tmp_path: Path) -> None:
    answer = (
        "🌊 Its budget is 4,200 crowns. Nobody knows why. It is kept by Maren Holt, the keeper."
    )
    run = await ask(tmp_path, Reply(text=answer))
    assert run.fold.text == answer
    assert cited(run) == [
        ("🌊 Its budget is 4,200 crowns.", "The budget of the lighthouse is 4,200 crowns."),
        ("It is kept by Maren Holt, the keeper.", "The keeper is Maren Holt ☂."),
    ]
    before = [chunk for chunk, event in pairwise(run.events) if event.type is EventType.CITATION]
    assert [event.content[-6:] for event in before] == ["rowns.", "eeper."]


@pytest.mark.parametrize("length", [1, 4, 1_000])
async def test_markers_are_taken_out_and_used_however_they_are_cut(
    tmp_path: Path, length: int
) -> None:
    written = "Its budget: 4,200 crowns [1].\n\n- Herring is salted【2】 in barrels [source 2]\n"
    chunks = [written[at : at + length] for at in range(0, len(written), length)]
    run = await ask(tmp_path, Reply(chunks=chunks))
    assert run.fold.text == "Its budget: 4,200 crowns.\n\n- Herring is salted in barrels\n"
    assert cited(run) == [
        ("Its budget: 4,200 crowns.", "The budget of the lighthouse is 4,200 crowns."),
        ("Herring is salted in barrels", "Herring is salted in barrels there."),
    ]


@pytest.mark.parametrize(
    "answer",
    [
        "Volcanic ash cools the monsoon for years.",
        "The budget of the lighthouse is 9,900 crowns.",
        "The keeper of the lighthouse is Olaf Berg.",
        "# The budget of the lighthouse is 4,200 crowns.",
        "```\nThe budget of the lighthouse is 4,200 crowns.\n```\n",
    ],
)
async def test_what_rests_on_nothing_has_no_citation(tmp_path: Path, answer: str) -> None:
    assert cited(await ask(tmp_path, Reply(text=answer))) == []


async def test_a_new_text_is_cited_and_an_edit_is_not(tmp_path: Path) -> None:
    answer = "Dear all, the budget of the lighthouse is 4,200 crowns."
    assert len(cited(await ask(tmp_path / "a", Reply(text=answer), kind="content_generation"))) == 1
    assert cited(await ask(tmp_path / "b", Reply(text=answer), kind="document_edit")) == []


async def test_the_passages_themselves_cite_themselves_exactly(tmp_path: Path) -> None:
    async with asyncio.timeout(20), open_workbench(tmp_path) as bench:
        await bench.add({"plan.md": PLAN, "fish.md": FISH})
        run = await bench.run(QUESTION)
        await check(bench, run)
    assert [quote for _, quote in cited(run)] == [PLAN.strip(), FISH.strip()]
    assert [said.replace("> ", "").replace(">", "") for said, _ in cited(run)] == [
        PLAN.strip(),
        FISH.strip(),
    ]


async def test_a_selection_is_no_document_and_is_not_cited(tmp_path: Path) -> None:
    script = classify_as("qa_analysis", Reply(text="The tide comes at nine [1]."))
    async with asyncio.timeout(20), open_workbench(tmp_path, script, settings=STRONG) as bench:
        query = Query(text="When?", selected_content="The tide comes at nine.")
        run = await bench.run(query)
    assert (run.fold.text, run.fold.citations) == ("The tide comes at nine.", [])


async def test_a_passage_whose_document_is_gone_meanwhile_is_not_cited(tmp_path: Path) -> None:
    removed: list[int] = []

    async def remove(sent: int) -> None:
        if sent == 1 and not removed:
            removed.append(document.id)
            await bench.documents.delete(document.id, "")

    reply = Reply(text="Its budget is 4,200 crowns.", before_chunk=remove)
    script = classify_as("qa_analysis", reply)
    async with asyncio.timeout(20), open_workbench(tmp_path, script) as bench:
        [document] = await bench.add({"plan.md": PLAN})
        run = await bench.run(QUESTION)
    assert removed
    assert (run.fold.text, run.fold.citations) == ("Its budget is 4,200 crowns.", [])


async def test_a_document_that_changes_meanwhile_is_quoted_as_it_was_read(tmp_path: Path) -> None:
    async def change(sent: int) -> None:
        if sent == 1:
            await bench.add({"plan.md": "Something else."})

    reply = Reply(text="Its budget is 4,200 crowns.", before_chunk=change)
    script = classify_as("qa_analysis", reply)
    async with asyncio.timeout(20), open_workbench(tmp_path, script) as bench:
        [document] = await bench.add({"plan.md": PLAN})
        run = await bench.run(QUESTION)
        await check(bench, run)
        assert (await bench.documents.get(document.id, "")).revision > 1
    [fact] = run.fold.citations
    assert (fact["revision"], fact["quote"]) == (1, "The budget of the lighthouse is 4,200 crowns.")


WORDS = st.sampled_from(["budget", "keeper", "Maren", "Holt", "4,200", "salt", "☂", "fish", "锅炉"])
TEXTS = st.lists(
    st.tuples(
        st.lists(WORDS, min_size=1, max_size=8), st.sampled_from([". ", "\n", "\n\n- ", "。"])
    ),
    min_size=1,
    max_size=12,
).map(lambda parts: "".join(" ".join(words) + end for words, end in parts))


@bounded(max_examples=8)
@given(edits=st.lists(TEXTS, min_size=1, max_size=4), answer=TEXTS)
def test_every_quote_stands_in_its_revision_whatever_becomes_of_the_document(
    tmp_path_factory: pytest.TempPathFactory, edits: list[str], answer: str
) -> None:
    async def story() -> None:
        script = classify_as("qa_analysis", Reply(text=f"{answer} {edits[0]}"))
        home = tmp_path_factory.mktemp("home")
        async with asyncio.timeout(60), open_workbench(home, script) as bench:
            runs: list[Transcript] = []
            for edit in edits:
                await bench.add({"notes.md": edit})
                runs.append(await bench.run(Query(text=edit[:200])))
            await bench.add({"notes.md": "All is new."})
            for run in runs:
                await check(bench, run)
            assert any(run.fold.citations for run in runs) or not _has_words(edits[0])

    asyncio.run(story())


def _has_words(text: str) -> bool:
    return len({word for word in text.split() if word.isascii() and word.isalpha()}) > 3
