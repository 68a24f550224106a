"""What is searched for, what is kept, and what is said where nothing is found."""

import asyncio
from pathlib import Path

import pytest

from tailrace.events.types import EventType, WorkflowStage
from tailrace.nodes.refusal import REFUSAL
from tailrace.state.state import Query, Turn
from tailrace.testing.model_script import Reply, classify_as
from tailrace.testing.workbench import open_workbench

INIT = WorkflowStage.INIT
INTENT = WorkflowStage.INTENT_ANALYSIS
CONTEXT = WorkflowStage.CONTEXT_GATHERING
EXECUTION = WorkflowStage.EXECUTION
COMPLETED = WorkflowStage.COMPLETED

READ = [
    (EventType.RUNNING, INIT),
    (EventType.THINKING, INTENT),
    (EventType.USAGE, INTENT),
    (EventType.DONE, INTENT),
]
WROTE = [
    (EventType.THINKING, EXECUTION),
    (EventType.DONE, EXECUTION),
    (EventType.RUNNING, EXECUTION),
    (EventType.STREAM_CHUNK, EXECUTION),
    (EventType.USAGE, EXECUTION),
    (EventType.DONE, EXECUTION),
    (EventType.STREAM_COMPLETE, COMPLETED),
]
PLAN = "The budget of the lighthouse is 4,200 crowns. The keeper is Maren Holt."
FISH = "Herring is salted in barrels; the salt comes from the south."


async def test_nothing_relevant_ends_with_an_honest_answer_and_asks_no_model(
    tmp_path: Path,
) -> None:
    async with asyncio.timeout(20), open_workbench(tmp_path, classify_as("qa_analysis")) as bench:
        await bench.add({"plan.md": PLAN, "fish.md": FISH})
        run = await bench.run(Query(text="How do volcanic eruptions influence monsoon rainfall?"))
        calls = len(bench.server.requests)
    assert run.shape == [
        *READ,
        (EventType.RUNNING, CONTEXT),
        (EventType.RUNNING, CONTEXT),
        (EventType.STREAM_CHUNK, CONTEXT),
        (EventType.DONE, CONTEXT),
        (EventType.STREAM_COMPLETE, COMPLETED),
    ]
    progress = [event.progress for event in run.events if event.type is EventType.RUNNING]
    assert progress == [None, 0.5, 1.0]
    assert run.outcome == "insufficient_context"
    assert run.fold.text.startswith(f"{REFUSAL} I searched all 2 documents")
    assert run.state.final_content == run.fold.text
    assert calls == 1


async def test_words_that_no_passage_has_yet_are_looked_for_in_a_second_round(
    tmp_path: Path,
) -> None:
    keeper = "The keeper of the tower is Maren Holt, who keeps the tower and the keeper's house."
    texts = {f"keeper-{number}.md": f"{keeper} Volume {number}." for number in range(12)}
    script = classify_as("qa_analysis", Reply(text="In 1902."))
    async with asyncio.timeout(20), open_workbench(tmp_path, script) as bench:
        await bench.add({**texts, "opening.md": "Inaugurated in 1902." + " It rained." * 120})
        await bench.add({f"fish-{number}.md": f"{FISH} {number}" for number in range(30)})
        run = await bench.run(Query(text="Maren Holt, keeper, tower, house, volume: inaugurated?"))
    sources = [(event.seq, event.content) for event in run.events if event.type is EventType.SOURCE]
    rounds = [
        event.seq
        for event in run.events
        if event.type is EventType.RUNNING and event.stage is CONTEXT
    ]
    assert len(rounds) == 2
    assert [title for seq, title in sources if seq > rounds[1]] == ["opening.md"]
    assert len({title for _, title in sources}) == len(sources)


async def test_a_passage_that_shares_a_common_word_alone_is_left_out(tmp_path: Path) -> None:
    script = classify_as("qa_analysis", Reply(text="4,200"))
    texts = {f"{number}.md": f"Some lighthouse or other, number {number}." for number in range(9)}
    async with asyncio.timeout(20), open_workbench(tmp_path, script) as bench:
        await bench.add({"plan.md": PLAN, **texts})
        run = await bench.run(Query(text="Who is the keeper Maren Holt of the lighthouse?"))
    assert [source["title"] for source in run.fold.sources] == ["plan.md"]


async def test_without_documents_the_answer_says_how_to_add_some(tmp_path: Path) -> None:
    async with asyncio.timeout(20), open_workbench(tmp_path, classify_as("qa_analysis")) as bench:
        run = await bench.run(Query(text="What is the budget?"))
    assert run.outcome == "insufficient_context"
    assert "tailrace docs add" in run.fold.text


@pytest.mark.parametrize("reply", [REFUSAL, f' "{REFUSAL}"\n', REFUSAL.rstrip(".")])
async def test_a_model_that_refuses_ends_the_run_as_insufficient(
    reply: str, tmp_path: Path
) -> None:
    script = classify_as("qa_analysis", Reply(text=reply))
    async with asyncio.timeout(20), open_workbench(tmp_path, script) as bench:
        await bench.add({"plan.md": PLAN})
        run = await bench.run(Query(text="Which paint has the lighthouse?"))
    assert run.shape[-len(WROTE) :] == WROTE
    assert (run.fold.text, run.outcome) == (reply, "insufficient_context")


async def test_a_follow_up_is_searched_for_as_the_conversation_makes_it_plain(
    tmp_path: Path,
) -> None:
    script = classify_as(
        "qa_analysis", Reply(text="Maren."), {"enhanced_query": "keeper of the lighthouse"}
    )
    history = (Turn("user", "What is the budget?"), Turn("assistant", "4,200 crowns."))
    async with asyncio.timeout(20), open_workbench(tmp_path, script) as bench:
        await bench.add({"plan.md": PLAN, "fish.md": FISH})
        run = await bench.run(Query(text="and who looks after it?", history=history))
    assert [source["title"] for source in run.fold.sources] == ["plan.md"]
    assert run.fold.text == "Maren."
