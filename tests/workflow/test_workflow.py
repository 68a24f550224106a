"""The whole way from a question to its end, on real parts and a scripted model."""

import asyncio
from pathlib import Path

import pytest

from tailrace.events.event import JSON
from tailrace.events.types import EventType, NodeType, WorkflowStage
from tailrace.state.state import Query, QueryType
from tailrace.testing.model_script import ChatRequest, Reply, classify_as
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


async def test_a_question_is_answered_from_the_documents_with_every_step_in_order(
    tmp_path: Path,
) -> None:
    answer = "The budget is 4,200 crowns.\n\n  Signed: the plan. "
    script = classify_as("qa_analysis", Reply(text=answer, usage=(30, 8)))
    async with asyncio.timeout(20), open_workbench(tmp_path, script) as bench:
        plan, _ = await bench.add({"plan.md": PLAN, "fish.md": FISH})
        run = await bench.run(Query(text="What is the budget of the lighthouse?"))
        told = bench.server.requests[-1].chat.contents
    assert run.shape == [
        *READ,
        (EventType.RUNNING, CONTEXT),
        (EventType.SOURCE, CONTEXT),
        (EventType.DONE, CONTEXT),
        *WROTE[:4],
        (EventType.CITATION, EXECUTION),
        *WROTE[3:],
    ]
    assert run.fold.text == answer
    assert run.state.final_content == answer
    assert run.outcome == "answered"
    source = run.fold.sources[0]
    assert source["document_id"] == plan.id
    assert (source["char_start"], source["char_end"]) == (0, len(PLAN))
    assert run.contents(EventType.DONE)[1] == "1 passage from 1 document"
    assert PLAN in told[1]
    assert FISH not in told[1]


async def test_every_event_of_a_stage_names_its_node(tmp_path: Path) -> None:
    nodes = {INTENT: NodeType.INTENT, CONTEXT: NodeType.CONTEXT, EXECUTION: NodeType.EXECUTE}
    async with asyncio.timeout(20), open_workbench(tmp_path, classify_as("qa_analysis")) as bench:
        await bench.add({"plan.md": PLAN})
        run = await bench.run(Query(text="Who is the keeper of the lighthouse?"))
    named = [(event.stage, event.node) for event in run.events if event.stage in nodes]
    assert named
    assert all(nodes[stage] is node for stage, node in named if stage is not None)


async def test_usage_is_the_sum_of_the_run_so_far(tmp_path: Path) -> None:
    script = [
        Reply(json={"type": "qa_analysis", "question": "", "enhanced_query": ""}, usage=(50, 7)),
        Reply(text="4,200.", usage=(90, 3)),
    ]
    async with asyncio.timeout(20), open_workbench(tmp_path, script) as bench:
        await bench.add({"plan.md": PLAN})
        run = await bench.run(Query(text="What is the budget?"))
    used = [event.metadata for event in run.events if event.type is EventType.USAGE]
    assert used == [
        {"prompt_tokens": 50, "completion_tokens": 7, "calls": 1, "source": "reported"},
        {"prompt_tokens": 140, "completion_tokens": 10, "calls": 2, "source": "reported"},
    ]
    assert run.ending.metadata["usage"] == used[-1]


async def test_the_plan_of_the_one_step_is_told_as_the_first_clients_know_it(
    tmp_path: Path,
) -> None:
    async with asyncio.timeout(20), open_workbench(tmp_path, classify_as("qa_analysis")) as bench:
        await bench.add({"plan.md": PLAN})
        run = await bench.run(Query(text="What is the budget?"))
    plans = [event.metadata["plan"] for event in run.events if "plan" in event.metadata]
    step: dict[str, JSON] = {
        "action": "answer",
        "description": "Answering from the passages",
        "dependencies": [],
        "status": "pending",
        "result": None,
        "error": None,
        "start_time": None,
        "end_time": None,
    }
    assert plans == [{"steps": [step], "current_step": 0, "total_steps": 1}]


async def test_simple_chat_is_answered_at_once_without_a_search(tmp_path: Path) -> None:
    script = classify_as("simple_chat", Reply(text="Hello! Ask me anything."))
    async with asyncio.timeout(20), open_workbench(tmp_path, script) as bench:
        run = await bench.run(Query(text="Hello there"))
    assert run.shape == [
        *READ[:3],
        (EventType.STREAM_CHUNK, INTENT),
        (EventType.USAGE, INTENT),
        (EventType.DONE, INTENT),
        (EventType.STREAM_COMPLETE, COMPLETED),
    ]
    assert run.fold.text == "Hello! Ask me anything."
    assert run.outcome == "answered"


async def test_a_clarification_is_asked_and_ends_the_run(tmp_path: Path) -> None:
    asked = "Which plan do you mean?"
    script = classify_as("clarification_needed", fields={"question": asked})
    async with asyncio.timeout(20), open_workbench(tmp_path, script) as bench:
        run = await bench.run(Query(text="do it like the other one"))
    assert run.shape == [
        *READ[:3],
        (EventType.STREAM_CHUNK, INTENT),
        (EventType.DONE, INTENT),
        (EventType.STREAM_COMPLETE, COMPLETED),
    ]
    assert (run.fold.text, run.outcome) == (asked, "answered")


@pytest.mark.parametrize(
    ("fields", "selected"),
    [({"question": "   "}, ""), ({"question": "Which one?"}, "this very sentence about fish")],
    ids=["without a question", "with a selection"],
)
async def test_a_needless_clarification_is_a_question_for_the_documents(
    fields: dict[str, JSON], selected: str, tmp_path: Path
) -> None:
    script = classify_as("clarification_needed", Reply(text="An answer."), fields)
    async with asyncio.timeout(20), open_workbench(tmp_path, script) as bench:
        await bench.add({"plan.md": PLAN})
        run = await bench.run(Query(text="What is the budget?", selected_content=selected))
    assert run.state.intent is not None
    assert run.state.intent.type is QueryType.QA_ANALYSIS
    assert run.fold.text == "An answer."


@pytest.mark.parametrize(
    "classification",
    [
        Reply(text="I think this is a question."),
        Reply(json={"type": "poem"}),
        Reply(json={"kind": 7}),
        Reply(json={"type": ["simple_chat"], "enhanced_query": 7, "question": None}),
        Reply(text='{"type": "simple_chat"', finish_reason="length"),
    ],
    ids=["prose", "unknown type", "other keys", "wrong types", "cut"],
)
async def test_a_malformed_classification_never_keeps_a_person_from_an_answer(
    classification: Reply, tmp_path: Path
) -> None:
    script = [classification, Reply(text="4,200 crowns.")]
    async with asyncio.timeout(20), open_workbench(tmp_path, script) as bench:
        await bench.add({"plan.md": PLAN})
        run = await bench.run(Query(text="What is the budget?"))
    assert run.shape[:4] == READ
    assert (run.fold.text, run.outcome) == ("4,200 crowns.", "answered")


async def test_a_new_text_needs_no_relevant_document(tmp_path: Path) -> None:
    script = classify_as("content_generation", Reply(text="Dear team, …"))
    async with asyncio.timeout(20), open_workbench(tmp_path, script) as bench:
        run = await bench.run(Query(text="Write an invitation to the regatta"))
        told = bench.server.requests[-1].chat.contents
    assert run.shape[-len(WROTE) :] == WROTE
    assert (run.fold.text, run.outcome) == ("Dear team, …", "answered")
    assert told[-1] == "Write an invitation to the regatta"


async def test_a_run_without_streaming_ends_with_the_whole_answer(tmp_path: Path) -> None:
    script = classify_as("qa_analysis", Reply(text="4,200 crowns."))
    async with asyncio.timeout(20), open_workbench(tmp_path, script) as bench:
        await bench.add({"plan.md": PLAN})
        run = await bench.run(Query(text="What is the budget?"), streaming=False)
    assert (run.ending.type, run.ending.content) == (EventType.COMPLETED, "4,200 crowns.")


async def test_fifty_runs_at_once_keep_to_themselves(tmp_path: Path) -> None:
    def script(request: ChatRequest) -> Reply:
        if request.schema is not None:
            return Reply(json={"type": "simple_chat", "question": "", "enhanced_query": ""})
        return Reply(text=f"You said {request.contents[-1]} " * 20)

    async with asyncio.timeout(50), open_workbench(tmp_path, script) as bench:
        queries = [Query(text=f"greeting-{number}") for number in range(50)]
        runs = await asyncio.gather(*map(bench.run, queries))
    texts = [run.fold.text for run in runs]
    assert texts == [f"You said greeting-{number} " * 20 for number in range(50)]
