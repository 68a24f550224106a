"""An answer on the screen: its way, its sources, its text, its end."""

import re
from typing import cast

import pytest
from playwright.async_api import expect

from tailrace.agent import default_engine
from tailrace.events.types import EventType, NodeType, Outcome, WorkflowStage
from tailrace.nodes import BaseNode, RunScope, write
from tailrace.state.state import WorkflowState
from tailrace.testing.agents import PLAN
from tailrace.testing.model_script import Fault, Reply, ask_back, classify_as

from .gate import Gate
from .screen import OpenPage, Serve, events_of, newest_run, sha256

ANSWER = "The budget of the harbour plan is **40,000 euros**, and the work ends in June."
SHOWN = ANSWER.replace("*", "")
DOCUMENT = "\U0001f30a The tide. " * 3000 + "\n\n" + PLAN["harbour.md"]
BUDGET = "What is the budget of the harbour plan?"


async def test_an_answer_shows_its_way_its_sources_and_text_that_equals_its_hash(
    serve: Serve, open_page: OpenPage
) -> None:
    gate = Gate(5)
    reply = Reply(text=ANSWER, reasoning="The plan says so.", before_chunk=gate)
    async with serve(classify_as("qa_analysis", reply)) as served:
        screen = await open_page(served.url, permissions=["clipboard-read", "clipboard-write"])
        await screen.ask(BUDGET)
        await expect(screen.turn.get_by_role("heading", name=BUDGET)).to_be_visible()
        course = screen.answer.locator(".course")
        await expect(course).to_have_text(re.compile(r"Intent .*s.*Context .*s.*Answer .*s"))
        await expect(screen.prose).to_have_text(re.compile("^The budget of the harbour"))
        await expect(screen.act).to_have_accessible_name("Stop")
        gate.open()
        await screen.ended()
        assert await screen.written() == SHOWN
        run = await newest_run(served)
        *_, end = await events_of(served, run.run_id)
        assert end.metadata["content_sha256"] == sha256(ANSWER)
        await expect(course).to_contain_text(re.compile(r"Answered in [\d.]+ s · 1 source"))
        await course.click()
        await expect(screen.answer.locator(".steps")).to_contain_text("Searching your documents")
        await expect(screen.answer.locator(".reasoning p")).to_be_hidden()
        await screen.answer.get_by_text("Reasoning").click()
        await expect(screen.answer.locator(".reasoning p")).to_have_text("The plan says so.")
        await expect(screen.answer.locator(".after")).to_contain_text(re.compile(r"tokens read"))
        await screen.button("Copy").click()
        assert await screen.page.evaluate("navigator.clipboard.readText()") == ANSWER


@pytest.mark.parametrize("width", [1360, 390])
async def test_a_source_opens_its_passage_in_the_text_of_its_document(
    serve: Serve, open_page: OpenPage, width: int
) -> None:
    script = classify_as("qa_analysis", Reply(text=ANSWER))
    async with serve(script, documents={"plan.md": DOCUMENT}) as served:
        screen = await open_page(served.url, size=(width, 800))
        await screen.ask(BUDGET)
        await screen.ended()
        source = screen.answer.get_by_role("button", name=re.compile("^Source 1 "))
        await source.focus()
        await source.press("Enter")
        passage = screen.page.get_by_role("dialog")
        await expect(passage).to_contain_text("Source 1 of")
        mark = passage.locator("mark")
        await expect(mark).to_contain_text("The budget of the harbour plan is 40,000 euros")
        run = await newest_run(served)
        events = await events_of(served, run.run_id)
        found = next(event.metadata for event in events if event.type is EventType.SOURCE)
        start, end = (cast("int", found[name]) for name in ("char_start", "char_end"))
        assert await mark.text_content() == DOCUMENT[start:end]
        await expect(mark).to_be_in_viewport()
        await screen.page.keyboard.press("Escape")
        await expect(passage).to_be_hidden()
        await expect(source).to_be_focused()


async def test_what_came_before_a_failure_stays_and_asking_again_answers(
    serve: Serve, open_page: OpenPage
) -> None:
    replies = [Reply(text=ANSWER, fault=Fault.cut(4)), Reply(text=ANSWER)]
    async with serve(classify_as("qa_analysis", replies)) as served:
        screen = await open_page(served.url)
        await screen.ask(BUDGET)
        alert = screen.page.get_by_role("alert")
        await expect(alert).to_contain_text("What was written until then is kept.")
        assert await screen.written() == "The budget of the"
        assert "127.0.0.1" not in await alert.inner_text()
        await screen.button("Ask again").click()
        await expect(screen.turn.locator(".answer")).to_have_count(2)
        await expect(screen.prose).to_have_text(SHOWN)
        await screen.ended()
        await expect(screen.page.locator(".turn")).to_have_count(1)
        await expect(screen.turn.locator(".prose").first).to_have_text("The budget of the")


async def test_a_stop_keeps_what_was_written_and_the_button_its_place(
    serve: Serve, open_page: OpenPage
) -> None:
    reply = Reply(text=ANSWER, before_chunk=Gate(6))
    async with serve(classify_as("qa_analysis", reply)) as served:
        screen = await open_page(served.url)
        before = await screen.act.bounding_box()
        await screen.ask(BUDGET)
        await expect(screen.prose).to_have_text("The budget of the harbour plan")
        assert await screen.act.bounding_box() == before
        await screen.act.click()
        await expect(screen.notice).to_contain_text("You stopped this answer")
        await screen.ended()
        assert await screen.act.bounding_box() == before
        assert await screen.written() == "The budget of the harbour plan"
        run = await newest_run(served)
        *_, end = await events_of(served, run.run_id)
        assert run.outcome is Outcome.CANCELLED
        assert end.metadata["content_sha256"] == sha256("The budget of the harbour plan ")


async def test_documents_that_do_not_say_are_said_not_to(serve: Serve, open_page: OpenPage) -> None:
    refusal = Reply(text="I could not find this in your documents.")
    async with serve(classify_as("qa_analysis", refusal)) as served:
        screen = await open_page(served.url)
        await screen.ask(BUDGET)
        await expect(screen.notice).to_contain_text("Your documents do not seem to say")
        await expect(screen.notice.get_by_role("button", name="Add documents")).to_be_visible()
        assert await screen.written() == refusal.text


async def test_a_question_of_the_run_is_answered_in_the_composer(
    serve: Serve, open_page: OpenPage
) -> None:
    script = ask_back("Which of the two plans?", "qa_analysis", Reply(text=ANSWER))
    async with serve(script) as served:
        screen = await open_page(served.url)
        await screen.ask("What is the budget?")
        await expect(screen.notice).to_contain_text("Which of the two plans?")
        await expect(screen.question).to_have_attribute("placeholder", "Your answer…")
        await screen.ask("The harbour plan")
        await expect(screen.prose).to_have_text(SHOWN)
        await screen.ended()
        await expect(screen.notice).to_have_count(0)
        await expect(screen.page.locator(".turn")).to_have_count(1)


class ChoosingNode(BaseNode):
    """Asks which of two it shall be, and answers with that."""

    type, stage, title = NodeType.EXECUTE, WorkflowStage.EXECUTION, "Choosing"

    async def process(self, state: WorkflowState, scope: RunScope) -> WorkflowState:
        if not state.query.inputs:
            await self.ask(state, scope, "Which plan?", options=["the upper", "the lower"])
            return state
        state.final_content = f"So it is {state.query.inputs[-1].text}."
        await write(self, scope, state.final_content)
        await self.end(state, scope, "Chosen")
        state.outcome = Outcome.ANSWERED
        return state


async def test_an_answer_that_is_offered_is_given_with_one_press(
    serve: Serve, open_page: OpenPage
) -> None:
    engine = default_engine(ChoosingNode())
    async with serve(classify_as("qa_analysis"), engine=engine) as served:
        screen = await open_page(served.url)
        await screen.ask(BUDGET)
        await expect(screen.notice).to_contain_text("Which plan?")
        await screen.look("options")
        await screen.page.reload()
        await screen.notice.get_by_role("button", name="the lower").click()
        await expect(screen.prose).to_have_text("So it is the lower.")
        await screen.ended()


async def test_a_loaded_answer_shows_its_sources_and_when_it_is_asked_for_its_way(
    serve: Serve, open_page: OpenPage
) -> None:
    async with serve(classify_as("qa_analysis", Reply(text=ANSWER))) as served:
        screen = await open_page(served.url)
        await screen.ask(BUDGET)
        await screen.ended()
        await screen.page.reload()
        await expect(screen.prose).to_have_text(SHOWN)
        await expect(
            screen.answer.get_by_role("button", name=re.compile("^Source 1 "))
        ).to_be_visible()
        await screen.answer.locator(".course").click()
        await expect(screen.answer.locator(".steps")).to_contain_text("Searching your documents")
