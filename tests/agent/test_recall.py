"""Past conversations can be searched, by whoever had them, until they are gone."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tailrace._clock import SYSTEM_CLOCK
from tailrace.agent import ChatRequest, ContextAgent, erasing
from tailrace.agent.retention import let_go
from tailrace.settings import Settings
from tailrace.stores.documents import DocumentOrigin, DocumentRow
from tailrace.stores.registry import erasing_of
from tailrace.testing.agents import scripted_agent
from tailrace.testing.model_script import Reply, Script, classify_as

PAST = [DocumentOrigin.CONVERSATION]
NEST = "kingfishernest"
ANSWER = f"The {NEST} is below the weir."


@asynccontextmanager
async def conversing(
    home: Path, script: Script | None = None, *, recall: bool = True
) -> AsyncGenerator[ContextAgent]:
    answers = script or classify_as("simple_chat", Reply(ANSWER))
    settings = Settings(recall=recall)
    async with (
        asyncio.timeout(40),
        scripted_agent(home, answers, documents={}, settings=settings) as (agent, _),
    ):
        yield agent


async def asked(agent: ContextAgent, *questions: str, owner: str = "") -> int:
    """The conversation in which they were asked, once it is kept."""
    at = SYSTEM_CLOCK.now()
    made = await agent.parts.store.create_conversation(owner, "home", {}, at)
    for question in questions:
        await agent.process(ChatRequest(query=question, conversation_id=made.id), owner=owner)
    agent.recall.look()
    await agent.recall.settled()
    return made.id


async def kept(agent: ContextAgent, owner: str = "") -> list[DocumentRow]:
    rows, _ = await agent.parts.documents.list_documents(
        owner, limit=9, offset=0, origin=DocumentOrigin.CONVERSATION
    )
    return rows


async def test_an_exchange_is_found_later_and_only_where_it_is_looked_for(tmp_path: Path) -> None:
    async with conversing(tmp_path) as agent:
        conversation = await asked(agent, "Where does the bird live?", "And where else?")
        [row] = await kept(agent)
        assert (row.source, row.title, row.kind) == (
            f"conversation:{conversation}",
            "Where does the bird live?",
            "conversation",
        )
        assert await agent.parts.documents.text(row.id, "") == (
            f"You: Where does the bird live?\n\nAnswer: {ANSWER}\n\n"
            f"You: And where else?\n\nAnswer: {ANSWER}"
        )
        index = agent.parts.context
        found = await index.search("where else", owner="", origins=PAST)
        assert found[0].text == f"You: And where else?\n\nAnswer: {ANSWER}"
        assert await index.search("where else bird weir", owner="") == []
        assert await index.search("where else", owner="bob", origins=PAST) == []
        assert await agent.parts.documents.list_documents("", limit=9, offset=0) == ([], 0)
        assert (await agent.parts.documents.counts("")).pieces == 0


async def test_what_was_said_before_it_was_kept_is_caught_up_with(tmp_path: Path) -> None:
    async with conversing(tmp_path, recall=False) as agent:
        await asked(agent, "Where does the bird live?", owner="ann")
        assert await kept(agent, "ann") == []
    async with conversing(tmp_path) as agent:
        await agent.recall.settled()
        assert [row.title for row in await kept(agent, "ann")] == ["Where does the bird live?"]
    async with conversing(tmp_path, recall=False) as agent:
        await agent.recall.settled()
        assert await kept(agent, "ann") == []


def bytes_of(home: Path) -> bytes:
    """Everything in every file of the home's store."""
    return b"".join(file.read_bytes() for file in sorted(home.glob("*.db*")))


@pytest.mark.parametrize("whole", [True, False], ids=["the conversation", "its run"])
async def test_what_is_erased_is_in_no_file_any_more(tmp_path: Path, *, whole: bool) -> None:
    async with conversing(tmp_path) as agent:
        conversation = await asked(agent, f"Is there a {NEST}?")
        assert NEST.encode() in bytes_of(tmp_path)
        if whole:
            await erasing.erase_conversation(agent, conversation)
        else:
            [run] = await agent.parts.store.conversation_runs(conversation, None, 9)
            await erasing.erase_run(agent, run.run_id)
        assert await kept(agent) == []
        await erasing.wipe(agent)
        assert NEST.encode() not in bytes_of(tmp_path)


async def test_what_is_left_of_a_conversation_stays_searchable(tmp_path: Path) -> None:
    async with conversing(tmp_path) as agent:
        conversation = await asked(agent, "Where does the bird live?", "And where else?")
        [first, _] = await agent.parts.store.conversation_runs(conversation, None, 9)
        await erasing.erase_run(agent, first.run_id)
        [row] = await kept(agent)
        text = await agent.parts.documents.text(row.id, "")
        assert text == f"You: And where else?\n\nAnswer: {ANSWER}"


async def test_what_is_let_go_of_by_age_is_found_no_more(tmp_path: Path) -> None:
    async with conversing(tmp_path) as agent:
        await asked(agent, "Where does the bird live?")
        settings = Settings(home=tmp_path, messages_kept_s=1e-9)
        store = agent.parts.store
        gone = await let_go(store, erasing_of(store), settings, SYSTEM_CLOCK)
        assert gone.conversations == 1
        agent.recall.look()
        await agent.recall.settled()
        assert await kept(agent) == []
