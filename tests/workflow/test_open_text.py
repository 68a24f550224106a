"""The open document and the selection are context of the first rank."""

import asyncio
from pathlib import Path

import pytest

from tailrace.events.types import EventType, WorkflowStage
from tailrace.state.state import Query
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


async def test_an_open_document_is_edited_whole_without_a_search(tmp_path: Path) -> None:
    script = classify_as("document_edit", Reply(text="The budget is 4,200 crowns."))
    async with asyncio.timeout(20), open_workbench(tmp_path, script) as bench:
        plan, _ = await bench.add({"plan.md": PLAN, "fish.md": FISH})
        run = await bench.run(Query(text="Make it shorter", document_id=plan.id))
        told = bench.server.requests[-1].chat.contents
    assert run.shape == [
        *READ,
        (EventType.SOURCE, CONTEXT),
        (EventType.DONE, CONTEXT),
        *WROTE,
    ]
    assert f"~~~ text to edit 1: plan.md\n{PLAN}\n~~~" in told[-1]
    assert run.fold.text == "The budget is 4,200 crowns."


async def test_a_selection_is_what_an_edit_changes(tmp_path: Path) -> None:
    script = classify_as("document_edit", Reply(text="Maren Holt keeps it."))
    selected = "The keeper is Maren Holt."
    async with asyncio.timeout(20), open_workbench(tmp_path, script) as bench:
        (plan,) = await bench.add({"plan.md": PLAN})
        query = Query(text="Rephrase this", selected_content=selected, document_id=plan.id)
        await bench.run(query)
        told = bench.server.requests[-1].chat.contents
    assert f"text to edit 1: Selected in plan.md\n{selected}\n" in told[-1]
    assert PLAN not in told[-1]


async def test_without_an_open_text_the_one_in_the_request_is_edited(tmp_path: Path) -> None:
    script = classify_as("document_edit", Reply(text="I have an apple."))
    async with asyncio.timeout(20), open_workbench(tmp_path, script) as bench:
        run = await bench.run(Query(text="Fix the spelling: i has an aple"))
        told = bench.server.requests[-1].chat.contents
    assert (run.fold.text, run.outcome) == ("I have an apple.", "answered")
    assert told[1:] == ["Fix the spelling: i has an aple"]


async def test_a_text_too_long_to_edit_whole_is_said_to_be(tmp_path: Path) -> None:
    script = classify_as("document_edit", Reply(text="Shorter."))
    async with asyncio.timeout(20), open_workbench(tmp_path, script) as bench:
        (long,) = await bench.add({"long.md": "A sentence about herring. " * 2_000})
        run = await bench.run(Query(text="Shorten it", document_id=long.id))
    assert "only its first" in run.contents(EventType.RUNNING)[-1]
    assert "only its first" in run.contents(EventType.DONE)[-1]


async def test_an_open_document_is_enough_for_any_question_about_it(tmp_path: Path) -> None:
    script = classify_as("qa_analysis", Reply(text="It is about a lighthouse."))
    async with asyncio.timeout(20), open_workbench(tmp_path, script) as bench:
        plan, _ = await bench.add({"plan.md": PLAN, "fish.md": FISH})
        run = await bench.run(Query(text="Explain zeppelins", document_id=plan.id))
        told = bench.server.requests[-1].chat.contents
    assert run.outcome == "answered"
    assert PLAN in told[1]
    assert FISH not in told[1]


async def test_of_a_long_open_document_the_passage_that_fits_is_read(tmp_path: Path) -> None:
    filler = "Nets were mended and dried on the quay in spring.\n\n"
    text = filler * 400 + "The password of the harbour office is kelp.\n\n" + filler * 400
    script = classify_as("qa_analysis", Reply(text="kelp"))
    async with asyncio.timeout(20), open_workbench(tmp_path, script) as bench:
        (log,) = await bench.add({"log.md": text})
        run = await bench.run(Query(text="What is the harbour password?", document_id=log.id))
        told = bench.server.requests[-1].chat.contents
    assert "password of the harbour office is kelp" in told[1]
    assert len(told[1]) < 16_000
    for item in run.state.contexts.items:
        assert item.text == text[item.char_start : item.char_end]


@pytest.mark.parametrize("document_id", [99, 0, -1, 2**70])
async def test_an_unknown_open_document_fails_cleanly(document_id: int, tmp_path: Path) -> None:
    async with asyncio.timeout(20), open_workbench(tmp_path, classify_as("qa_analysis")) as bench:
        run = await bench.run(Query(text="What is it about?", document_id=document_id))
    assert run.shape == [
        *READ,
        (EventType.FAIL, CONTEXT),
        (EventType.FAIL, WorkflowStage.FAILED),
    ]
    assert run.error_code == "document_not_found"
