"""D9 to D12 and D17: answers in one piece or two; what a request may say and a model is told."""

import asyncio
from typing import Any

import pytest

from tailrace.testing.model_script import Fault, Reply, ask_back

from .client import DesktopClient
from .screens import said
from .served import CHAT, EDIT, QUESTION, UNCLEAR, WRITE, Serve, knowing, log_of

ASK = "/api/agent/chat"
BUDGET = "What is the budget of the harbour plan?"
DOCUMENT = {"harbour.md": "The budget of the harbour plan is 40,000 euros."}


async def test_d09_a_workflow_that_waits_is_resumed_and_its_stream_goes_on(
    serve: "Serve",
) -> None:
    asked, told, answer = "Which plan do you mean?", "That of the harbour.", "It is 40,000 euros."
    async with (
        asyncio.timeout(20),
        serve(ask_back(asked, QUESTION, Reply(answer)), DOCUMENT) as (_, model, http),
    ):
        body = {"query": "And its budget?", "interactive": True}
        waits = (await http.post(ASK, json=body)).json()
        assert (waits["success"], waits["stage"]) == (False, "intent_analysis")
        workflow_id = waits["workflow_id"]
        url = f"/api/agent/resume/{workflow_id}"
        resumed = await http.post(url, json={"workflow_id": workflow_id, "user_input": told})
        assert (resumed.status_code, resumed.json()["success"]) == (200, True)
        assert resumed.json()["execution"]["outputs"] == [{"type": "answer", "content": answer}]
        assert [text in model.requests[-1].chat.text for text in (asked, told)] == [True, True]
        events = await log_of(http, workflow_id)
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        assert sum(event.is_terminal for event in events) == 1
        again = await http.post(url, json={"workflow_id": workflow_id, "user_input": "Else."})
        unknown = await http.post("/api/agent/resume/x", json={"workflow_id": "x"})
        assert (again.status_code, unknown.status_code) == (409, 404)
        assert unknown.json() == {"detail": "Workflow x not found"}


async def test_d10_a_failed_workflow_is_a_result_and_no_server_error(serve: "Serve") -> None:
    script = knowing({"Hello": (CHAT, Reply(fault=Fault.http_status(500)))})
    async with asyncio.timeout(20), serve(script) as (_, _, http):
        response = await http.post(ASK, json={"query": "Hello"})
        result = response.json()
        assert (response.status_code, result["success"]) == (200, False)
        assert (result["stage"], type(result["errors"])) == ("failed", str)
        assert "raw text" not in response.text


async def test_d10_context_reaches_the_model_of_the_whole_answer_too(serve: "Serve") -> None:
    script = knowing({"What does it say?": (QUESTION, Reply("It says so."))})
    async with asyncio.timeout(20), serve(script, DOCUMENT) as (_, model, http):
        context = {
            "chat_history": [{"role": "user", "content": "Let us speak of harbours."}],
            "document_id": "1",
            "selected_content": "These words are selected.",
        }
        await http.post(ASK, json={"query": "What does it say?", "context": context})
        told = model.requests[-1].chat.text
        parts = ("Let us speak of harbours.", *DOCUMENT.values(), "These words are selected.")
        assert [told.count(part) for part in parts] == [1, 1, 1]


async def test_d10_the_whole_answer_is_stored_in_its_conversation(serve: "Serve") -> None:
    script = knowing({"Hello": (CHAT, Reply("Hello."))})
    async with asyncio.timeout(20), serve(script) as (_, _, http):
        made = await http.post(f"{ASK}/conversations", json={"page_name": "home"})
        conversation_id = made.json()["id"]
        await http.post(ASK, json={"query": "Hello", "conversation_id": conversation_id})
        rows = (await http.get(f"{ASK}/conversations/{conversation_id}/messages")).json()
        assert said(rows) == [("user", "Hello"), ("assistant", "Hello.")]


async def test_d11_nothing_in_the_context_stands_in_for_the_request(serve: "Serve") -> None:
    script = knowing({"Hello": (CHAT, Reply("Hello.")), "Bye": (CHAT, Reply("Bye."))})
    async with asyncio.timeout(20), serve(script) as (agent, model, http):
        context: dict[str, Any] = {
            "query": "Bye",
            "session_id": "another",
            "user_id": "another",
            "streaming_enabled": False,
            "streaming": True,
            "workflow_id": "another",
            "state": {},
        }
        body = {"query": "Hello", "session_id": "mine", "user_id": "me", "context": context}
        response = await http.post(f"{ASK}/stream", json=body)
        assert '"type":"stream_complete"' in response.text
        assert '"session_id":"mine"' in response.text
        assert "Bye" not in response.text + "".join(each.chat.text for each in model.requests)
        (run,) = await agent.parts.store.list_runs("", 10, None)
        assert (run.query, run.session_id, run.request["user_id"]) == ("Hello", "mine", "me")


async def test_d12_small_talk_is_told_in_order_and_the_question_once(serve: "Serve") -> None:
    turns = ["First", "Second", "Third", "Fourth"]
    script = knowing({turn: (CHAT, Reply(f"Answer to the {turn.lower()}")) for turn in turns})
    async with asyncio.timeout(20), serve(script) as (_, model, http):
        client = DesktopClient(http)
        for turn in turns:
            await client.send(turn)
        messages = model.requests[-1].chat.body["messages"]
        assert isinstance(messages, list)
        assert isinstance(messages[0], dict)
        assert messages[0]["role"] == "system"
        assert messages[1:] == [
            {"role": role, "content": content}
            for role, content in said(client.screen.messages)[:-1]
        ]


@pytest.mark.parametrize("intent", [CHAT, QUESTION])
async def test_d12_of_a_long_history_the_newest_is_told_within_bounds(
    serve: "Serve", intent: str
) -> None:
    words = "many words " * 40
    history = [
        {"role": role, "content": f"{role} turn {number}: {words}"}
        for number in range(100)
        for role in ("user", "assistant")
    ]
    script = knowing({BUDGET: (intent, Reply("40,000 euros."))})
    async with asyncio.timeout(20), serve(script, DOCUMENT) as (_, model, http):
        body = {"query": BUDGET, "context": {"chat_history": history}}
        await http.post(ASK, json=body)
        told = model.requests[-1].chat.text
        kept = [turn for turn in history if turn["content"].strip() in told]
        assert 0 < len(kept) < 30
        assert kept == history[-len(kept) :]
        assert sorted(kept, key=lambda turn: told.index(turn["content"].strip())) == kept


@pytest.mark.parametrize(
    ("intent", "outputs"),
    [
        (QUESTION, [{"type": "answer", "content": "Done."}]),
        (EDIT, [{"type": "edited_content", "content": "Done."}]),
        (WRITE, [{"type": "generated_content", "content": "Done."}]),
        (CHAT, ["Done."]),
        (UNCLEAR, ["Which one do you mean?"]),
    ],
)
async def test_d17_every_kind_of_question_has_its_way_through(
    serve: "Serve", intent: str, outputs: list[object]
) -> None:
    script = knowing({BUDGET: (intent, Reply("Done."))})
    async with asyncio.timeout(20), serve(script, DOCUMENT) as (_, _, http):
        result = (await http.post(ASK, json={"query": BUDGET})).json()
        assert (result["success"], result["intent"]["type"]) == (True, intent)
        assert result["execution"]["outputs"] == outputs
        state = (await http.get(f"/api/agent/state/{result['workflow_id']}")).json()
        assert state == {
            "success": True,
            "state": {name: value for name, value in result.items() if value is not None},
        }
