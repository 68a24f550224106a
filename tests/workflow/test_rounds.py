"""A strong model says what is missing; tools look for it, within a budget, and people are told."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec
import pytest

from tailrace.events.event import JSON
from tailrace.events.types import EventType, WorkflowStage
from tailrace.llm.base import ModelInfo
from tailrace.nodes.judging import is_strong
from tailrace.settings import Settings
from tailrace.state.state import Query, Sufficiency
from tailrace.stores.documents import DocumentOrigin
from tailrace.testing.documents import NOW, line_chunks, new_document
from tailrace.testing.judging import is_judging, judged_by, judgement
from tailrace.testing.model_script import Reply, Script
from tailrace.testing.workbench import Transcript, Workbench, open_workbench

PLAN = "The budget of the lighthouse is 4,200 crowns. The keeper is Maren Holt."
PAINT = "Whitewash for towers: two coats of lime every spring, from Olsen the chandler."
LONG = (
    PLAN + "\n\n" + "\n\n".join(f"Entry {n}: nothing but sea and {n} gulls." * 12 for n in range(9))
)
STRONG = Settings(model_class="strong")
QUESTION = Query(text="What is the budget of the lighthouse, and what is it painted with?")
ANSWER = Reply(text="It is so.")


def search(query: str) -> dict[str, JSON]:
    return {"tool": "search_documents", "query": query}


async def ask(
    home: Path,
    judgements: Script,
    *,
    texts: dict[str, str] | None = None,
    settings: Settings = STRONG,
    query: Query = QUESTION,
) -> tuple[Transcript, list[str]]:
    """The run, and what the model was told each time it was asked what is missing."""
    script = judged_by(judgements, ANSWER)
    async with asyncio.timeout(20), open_workbench(home, script, settings=settings) as bench:
        await bench.add({"plan.md": PLAN, "paint.md": PAINT} if texts is None else texts)
        run = await bench.run(query)
        return run, told(bench)


def told(bench: Workbench) -> list[str]:
    return [each.chat.text for each in bench.server.requests if is_judging(each.chat)]


def titles(run: Transcript) -> list[JSON]:
    return [source["title"] for source in run.fold.sources]


def tools(run: Transcript) -> list[tuple[JSON, ...]]:
    """Name, arguments, whether it worked, and what came of it, of each call in order."""
    facts = run.fold.tools
    results = {fact["call_id"]: fact for fact in facts if "ok" in fact}
    return [
        (call["name"], call["arguments"], results[call["call_id"]]["ok"], _summary(results, call))
        for call in facts
        if "name" in call
    ]


def _summary(results: dict[JSON, dict[str, JSON]], call: dict[str, JSON]) -> JSON:
    return results[call["call_id"]]["summary"]


def notes(run: Transcript) -> list[str]:
    return [
        event.content
        for event in run.events
        if event.type is EventType.RUNNING and event.stage is WorkflowStage.CONTEXT_GATHERING
    ]


async def test_what_is_missing_is_looked_for_until_every_need_is_met(tmp_path: Path) -> None:
    first = judgement({"budget": [1], "paint": []}, search("whitewash lime tower"))
    run, prompts = await ask(tmp_path, [first, judgement({"budget": [1], "paint": [2]})])
    assert titles(run) == ["plan.md", "paint.md"]
    assert tools(run) == [
        ("search_documents", {"query": "whitewash lime tower"}, True, "1 passage")
    ]
    contexts = run.state.contexts
    assert (contexts.sufficiency, contexts.rounds) == (Sufficiency.SUFFICIENT, 3)
    assert notes(run)[-3:] == [
        "Checking what is missing",
        "Searching your documents, round 3 of 4",
        "Checking what is missing",
    ]
    assert PAINT not in prompts[0]
    assert PAINT in prompts[1]
    assert "whitewash lime tower" in prompts[1]
    usage = run.ending.metadata["usage"]
    assert isinstance(usage, dict)
    assert usage["calls"] == 4


async def test_the_sources_of_the_first_round_come_before_the_model_is_asked(
    tmp_path: Path,
) -> None:
    run, _ = await ask(tmp_path, judgement({"budget": [1]}))
    types = [event.type for event in run.events if event.stage is WorkflowStage.CONTEXT_GATHERING]
    assert types.index(EventType.SOURCE) < types.index(EventType.USAGE)


@pytest.mark.parametrize(
    ("judgements", "calls"),
    [
        ([judgement({"a": [1], "b": []}, search("gulls and terns"))], 1),
        ([judgement({"a": [1], "b": []})], 1),
        ([judgement({"a": [1], "b": []}, search(QUESTION.text))], 1),
        ([judgement({"a": [1], "b": [7]}, search(" WHITEWASH  lime"))] * 9, 2),
    ],
    ids=["no new passage", "no call", "nothing new to try", "tried twice"],
)
async def test_it_ends_where_nothing_more_is_to_be_had(
    judgements: Sequence[Reply], calls: int, tmp_path: Path
) -> None:
    run, prompts = await ask(tmp_path, judgements)
    assert run.state.contexts.sufficiency is Sufficiency.PARTIAL
    assert (run.outcome, len(prompts)) == ("answered", calls)


async def test_a_query_is_not_searched_for_twice(tmp_path: Path) -> None:
    again = judgement({"a": [1], "b": []}, search("whitewash LIME "))
    run, _ = await ask(tmp_path, [judgement({"a": []}, search("Whitewash lime")), again])
    assert [each[2:] for each in tools(run)] == [
        (True, "1 passage"),
        (False, "that was tried already"),
    ]


@pytest.mark.parametrize(
    ("limits", "asked", "rounds"),
    [
        ({"context_rounds": 2}, 1, 2),
        ({"context_calls": 1}, 1, 3),
        ({"context_calls": 2}, 2, 4),
        ({"context_tokens": 900}, 0, 2),
        ({"context_timeout_s": 0.0}, 0, 2),
    ],
    ids=str,
)
async def test_a_budget_ends_it_and_the_answer_is_written(
    limits: dict[str, JSON], asked: int, rounds: int, tmp_path: Path
) -> None:
    words = ["whitewash", "herring", "bread", "ferry", "rope", "bell"]
    replies = [judgement({"a": [1], "b": []}, search(word)) for word in words]
    settings = msgspec.structs.replace(STRONG, **limits)
    texts = {"plan.md": PLAN, "paint.md": PAINT, **{f"{w}.md": f"A {w} is a {w}." for w in words}}
    run, prompts = await ask(tmp_path, replies, texts=texts, settings=settings)
    assert (len(prompts), run.state.contexts.rounds, run.outcome) == (asked, rounds, "answered")
    assert run.state.contexts.sufficiency is Sufficiency.PARTIAL


async def test_nothing_that_meets_any_need_after_a_look_ends_with_an_honest_answer(
    tmp_path: Path,
) -> None:
    nothing = judgement({"a": []}, search("whitewash"))
    run, _ = await ask(tmp_path, [nothing, judgement({"a": []})])
    assert run.outcome == "insufficient_context"
    first, _ = await ask(tmp_path / "first", [judgement({"a": []})])
    assert first.outcome == "answered"


async def test_each_tool_finds_what_it_is_for(tmp_path: Path) -> None:
    async def conversation(bench: Workbench, number: int, text: str) -> None:
        document = msgspec.structs.replace(
            new_document(f"conversation:{number}", text), origin=DocumentOrigin.CONVERSATION
        )
        await bench.documents.put(document, line_chunks(text), NOW)

    calls = judgement(
        {"a": [1], "b": []},
        {"tool": "neighbours", "passage": 1},
        {"tool": "list_documents", "query": "paint"},
        {"tool": "recall_conversations", "query": "varnish"},
        {"tool": "read_document", "document_id": 2, "start": 15},
    )
    script = judged_by([calls, judgement({"a": [1]})], ANSWER)
    settings = msgspec.structs.replace(STRONG, context_rounds=3)
    async with asyncio.timeout(20), open_workbench(tmp_path, script, settings=settings) as bench:
        await bench.add({"log.md": LONG, "paint.md": PAINT})
        await conversation(bench, 7, "We spoke of varnish for the door.")
        await conversation(bench, 8, "And of varnish for the window.")
        run = await bench.run(Query(text="What is the lighthouse's budget?", conversation_id=7))
        prompts = told(bench)
    source_id = run.fold.sources[0]["id"]
    assert tools(run) == [
        ("neighbours", {"source_id": source_id}, True, "1 passage"),
        ("list_documents", {"query": "paint"}, True, "1 document"),
        ("recall_conversations", {"query": "varnish"}, True, "1 passage"),
        (
            "read_document",
            {"document_id": 2, "start": 15},
            True,
            f"{len(PAINT) - 15} characters of paint.md",
        ),
    ]
    read = [source for source in run.fold.sources if source["title"] == "paint.md"]
    assert [(each["char_start"], each["char_end"]) for each in read] == [(15, len(PAINT))]
    assert "document 2: paint.md" in prompts[1]
    assert "varnish for the window" in prompts[1]
    assert "varnish for the door" not in prompts[1]


@pytest.mark.parametrize(
    ("call", "name", "summary"),
    [
        ({"tool": "search_documents"}, "search_documents", "a query needs"),
        ({"tool": "search_documents", "query": "x" * 501}, "search_documents", "a query needs"),
        ({"tool": "read_document", "document_id": 99}, "read_document", "no document 99"),
        ({"tool": "read_document", "document_id": -1}, "read_document", "has to be a number"),
        ({"tool": "read_document", "document_id": 1, "start": 9_999}, "read_document", "nothing"),
        ({"tool": "neighbours", "passage": 8}, "neighbours", "has to be a number"),
        ({"tool": "neighbours", "passage": True}, "neighbours", "has to be a number"),
        ({"tool": "delete_document", "document_id": 1}, "unknown", "there is no such tool"),
    ],
    ids=str,
)
async def test_a_call_that_cannot_be_made_is_told_and_is_no_context(
    call: dict[str, JSON], name: str, summary: str, tmp_path: Path
) -> None:
    run, _ = await ask(tmp_path, judgement({"a": [1], "b": []}, call))
    [(called, _, ok, said)] = tools(run)
    assert (called, ok, run.outcome) == (name, False, "answered")
    assert summary in str(said)
    assert titles(run) == ["plan.md"]


async def test_nobody_reads_somebody_elses_documents(tmp_path: Path) -> None:
    reads = judgement(
        {"a": [1], "b": []}, {"tool": "read_document", "document_id": 1}, search("secret")
    )
    script = judged_by(reads, ANSWER)
    async with asyncio.timeout(20), open_workbench(tmp_path, script, settings=STRONG) as bench:
        await bench.ingest.add_text("secret.md", "A secret.", owner="mira")
        await bench.ingest.add_text("plan.md", PLAN, owner="jonas")
        run = await bench.run(Query(text=QUESTION.text, owner="jonas"))
    assert [each[2:] for each in tools(run)] == [
        (False, "there is no document 1"),
        (True, "nothing found"),
    ]


@pytest.mark.parametrize(
    "malformed",
    [
        Reply(text="It is all there."),
        Reply(json={"facets": [], "calls": []}),
        Reply(json={"verdict": "SUFFICIENT"}),
        Reply(json={"facets": "all", "calls": []}),
        Reply(json={"facets": [{"need": "budget"}], "calls": []}),
        Reply(json={"facets": [{"need": "", "evidence": [1]}], "calls": []}),
        Reply(json={"facets": [7], "calls": []}),
        Reply(text='{"facets": [{"need"', finish_reason="length"),
    ],
    ids=["prose", "empty", "a word", "no list", "no evidence", "no need", "a number", "cut"],
)
async def test_a_judgement_that_is_not_as_asked_changes_nothing_and_is_told(
    malformed: Reply, tmp_path: Path
) -> None:
    run, _ = await ask(tmp_path, malformed)
    assert (run.outcome, run.fold.text) == ("answered", "It is so.")
    assert run.state.contexts.sufficiency is Sufficiency.PARTIAL
    assert titles(run) == ["plan.md"]
    assert notes(run)[-1].startswith("The model could not say what is missing")


async def test_a_weak_model_is_not_asked_and_never_has_enough(tmp_path: Path) -> None:
    weak = Settings(model_class="weak")
    run, prompts = await ask(tmp_path, judgement({"a": [1]}), settings=weak)
    assert (run.state.contexts.sufficiency, prompts) == (Sufficiency.PARTIAL, [])


@pytest.mark.parametrize(
    ("info", "chosen", "strong"),
    [
        (None, "strong", False),
        (ModelInfo(name="endpoint"), "", True),
        (ModelInfo(name="endpoint"), "weak", False),
        (ModelInfo(name="embedded", embedded=True), "", False),
        (ModelInfo(name="embedded", embedded=True), "strong", True),
        (ModelInfo(name="toy", embedded=True, smoke_test_only=True), "strong", False),
    ],
    ids=str,
)
def test_a_model_is_strong_where_it_is_not_embedded_or_is_said_to_be(
    info: ModelInfo | None,
    chosen: Literal["", "weak", "strong"],
    strong: bool,  # noqa: FBT001 - one column of a table
) -> None:
    assert is_strong(Settings(model_class=chosen), info) is strong


async def test_an_open_document_is_enough_and_an_edit_asks_for_nothing_more(
    tmp_path: Path,
) -> None:
    for number, kind in enumerate(("qa_analysis", "document_edit")):
        script = judged_by(judgement({"a": []}), ANSWER, kind)
        home = tmp_path / str(number)
        async with asyncio.timeout(20), open_workbench(home, script, settings=STRONG) as bench:
            [plan] = await bench.add({"plan.md": PLAN})
            run = await bench.run(Query(text="What about it?", document_id=plan.id))
            assert told(bench) == []
        assert run.state.contexts.sufficiency is Sufficiency.SUFFICIENT
