"""Whole conversations over real HTTP: nothing that a person saw vanishes, doubles or mixes.

The clients are MineContext's, as `screens` and `client` have them; what they show is compared with
what the server has stored.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from tailrace.testing.model_script import Fault, Reply

from .client import DesktopClient, PageClient
from .screens import Message, said
from .served import CHAT, QUESTION, Serve, knowing

HELLO, HELLO_BACK = "Hello there!", "Hello, ask me anything."
BUDGET, BUDGET_IS = "What is the budget of the harbour plan?", "It is 40,000 euros — yes. 🌊\n\n"
START, START_IS = "When does the work on the quay start?", "On 3 March."
ENDLESS = "Tell me all about the harbour plan."
BROKEN = "What does the harbour plan say about dates?"
UNKNOWN = "Who won the football championship of Brazil?"

KNOWN = {
    HELLO: (CHAT, Reply(HELLO_BACK)),
    BUDGET: (QUESTION, Reply(BUDGET_IS)),
    START: (QUESTION, Reply(START_IS)),
    ENDLESS: (QUESTION, Reply(chunks=["First, ", "second, ", "third"], fault=Fault.stall(2))),
    BROKEN: (QUESTION, Reply(chunks=["It starts ", "in ", "March"], fault=Fault.cut(2))),
    UNKNOWN: (QUESTION, Reply("I know nothing of it.")),
}


@asynccontextmanager
async def asking(client: DesktopClient, query: str) -> AsyncGenerator[None]:
    """While `query` is under way; leaves once its response has ended."""
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(client.send(query))
        yield


def statuses(rows: list[Message]) -> list[str]:
    return [row["status"] for row in rows if row["role"] == "assistant"]


async def test_a_whole_conversation_is_on_the_screen_as_it_is_in_the_store(serve: "Serve") -> None:
    async with asyncio.timeout(40), serve(knowing(KNOWN)) as (_, model, http):
        client = DesktopClient(http)
        screen = client.screen

        await client.send(HELLO)
        assert said(screen.messages) == [("user", HELLO), ("assistant", HELLO_BACK)]
        await client.send(BUDGET)
        assert said(screen.messages)[2:] == [("user", BUDGET), ("assistant", BUDGET_IS)]
        assert (screen.bubble, screen.error, screen.stage) == (None, None, "completed")

        async with asking(client, ENDLESS):
            await client.until(lambda: screen.bubble == "First, second, ")
            await client.stop()
        assert said(screen.messages)[4:] == [("user", ENDLESS), ("assistant", "First, second, ")]
        await model.requests[-1].disconnected.wait()

        await client.send(BROKEN)
        assert said(screen.messages)[6:] == [("user", BROKEN), ("assistant", "It starts in ")]
        assert screen.error is not None
        assert "raw text" not in screen.error
        await client.send(UNKNOWN)
        question, (role, refusal) = said(screen.messages)[8:]
        assert question == ("user", UNKNOWN)
        assert (role, "could not find this" in refusal, screen.error) == ("assistant", True, None)
        await client.send(START)
        assert said(screen.messages)[10:] == [("user", START), ("assistant", START_IS)]

        rows = await client.stored()
        assert said(rows) == said(screen.messages)
        assert statuses(rows) == [
            *("completed", "completed", "cancelled"),
            *("failed", "completed", "completed"),
        ]
        assert screen.late_frames == []
        assert screen.message_id == rows[-1]["id"]


@pytest.mark.parametrize("query", [HELLO, BUDGET])
async def test_a_stop_before_the_first_word_keeps_no_word_and_the_chat_goes_on(
    serve: "Serve", query: str
) -> None:
    intent, _ = KNOWN[query]
    script = knowing({**KNOWN, query: (intent, Reply(fault=Fault.mute()))})
    async with asyncio.timeout(20), serve(script) as (_, model, http):
        client = DesktopClient(http)
        screen = client.screen
        async with asking(client, query):
            await model.wait_for_request(2)
            await client.until(lambda: bool(screen.bubble))
            await client.stop()
        await client.send(START)
        assert said(screen.messages) == [("user", query), ("user", START), ("assistant", START_IS)]
        rows = await client.stored()
        assert said(rows) == said(screen.messages)
        assert statuses(rows) == ["cancelled", "completed"]


async def test_a_failure_before_the_first_word_is_a_banner_and_no_message(serve: "Serve") -> None:
    script = knowing({**KNOWN, BUDGET: (QUESTION, Reply(fault=Fault.http_status(500)))})
    async with asyncio.timeout(20), serve(script) as (_, _, http):
        client = DesktopClient(http)
        await client.send(BUDGET)
        rows = await client.stored()
        assert said(client.screen.messages) == said(rows) == [("user", BUDGET)]
        assert client.screen.error == rows[1]["error_message"] != ""
        assert statuses(rows) == ["failed"]


async def test_a_reopened_conversation_goes_on_where_it_was(serve: "Serve") -> None:
    async with asyncio.timeout(20), serve(knowing(KNOWN)) as (_, model, http):
        first = DesktopClient(http)
        await first.send(BUDGET)
        await first.send(BROKEN)
        assert first.conversation_id is not None

        second = DesktopClient(http)
        await second.open(first.conversation_id)
        assert said(second.screen.messages) == said(first.screen.messages)
        assert all("thinking" in row for row in second.screen.messages)
        await second.send(START)
        told = model.requests[-1].chat.text
        assert [told.count(text) for text in (BUDGET, BROKEN)] == [1, 1]
        rows = await second.stored()
        assert said(rows) == said(second.screen.messages)
        assert said(rows)[-2:] == [("user", START), ("assistant", START_IS)]
        assert len({row["id"] for row in rows}) == len(rows) == 6


async def test_d01_two_chats_at_once_never_mix(serve: "Serve") -> None:
    both = asyncio.Barrier(2)

    async def in_turns(_sent: int) -> None:
        await both.wait()

    letters = {name: [f"{name}{number} " for number in range(12)] for name in "AB"}
    script = knowing(
        {
            f"Say {name}": (CHAT, Reply(chunks=chunks, before_chunk=in_turns))
            for name, chunks in letters.items()
        }
    )
    async with asyncio.timeout(20), serve(script) as (_, _, http):
        clients = {name: DesktopClient(http) for name in letters}
        await asyncio.gather(*(clients[name].send(f"Say {name}") for name in letters))
        for name, chunks in letters.items():
            screen, rows = clients[name].screen, await clients[name].stored()
            expected = [("user", f"Say {name}"), ("assistant", "".join(chunks))]
            assert said(screen.messages) == said(rows) == expected


async def test_the_web_page_shows_each_answer_once_and_is_understood(serve: "Serve") -> None:
    async with asyncio.timeout(20), serve(knowing(KNOWN)) as (_, model, http):
        client = PageClient(http)
        screen = client.screen
        for query, answer in ((HELLO, HELLO_BACK), (BUDGET, BUDGET_IS)):
            await client.send(query)
            assert said(screen.messages)[-2:] == [("user", query), ("assistant", answer)]
            assert screen.errors == []
        assert {"intent_analysis", "context_gathering", "execution"} <= {*screen.timeline}
        assert HELLO_BACK in model.requests[-1].chat.contents
        session = screen.session_id
        await client.send(BROKEN)
        assert said(screen.messages)[-1] == ("assistant", "It starts in ")
        assert len(screen.errors) == 1
        await client.send(UNKNOWN)
        assert "could not find this" in screen.messages[-1]["content"]
        assert (screen.session_id, len(said(screen.messages))) == (session, 8)


async def test_a_server_that_goes_takes_nothing_with_it(serve: "Serve") -> None:
    async with asyncio.timeout(40):
        async with serve(knowing(KNOWN)) as (agent, _, http), asyncio.TaskGroup() as tasks:
            client = DesktopClient(http)
            sending = tasks.create_task(client.send(ENDLESS))
            await client.until(lambda: client.screen.bubble == "First, second, ")
            await agent.shut_down()
            await sending
            assert client.screen.error is not None
        whole = "First, second, third."
        known = {**KNOWN, ENDLESS: (QUESTION, Reply(whole))}
        async with serve(knowing(known), {}) as (agent, _, http):
            (run,) = await agent.parts.store.list_runs("", 2, None)
            await agent.passed(run.run_id)
            again = DesktopClient(http)
            assert client.conversation_id is not None
            await again.open(client.conversation_id)
            assert said(again.screen.messages) == [("user", ENDLESS), ("assistant", whole)]
