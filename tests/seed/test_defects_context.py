"""D15 and D16: what counts as context, and what of it a model is told."""

import asyncio
from typing import Any

import httpx2

from tailrace.events.types import EventType
from tailrace.testing.model_script import Reply

from .client import DesktopClient
from .disk import Disk
from .screens import said
from .served import QUESTION, Serve, knowing, log_of

ABOUT = "The budget of the lighthouse is 4,200 crowns."
ALSO = "The lighthouse has a keeper, and its lamp a budget."
OTHER = "Rye bread: 500 g of flour, 350 g of water. Bake for 50 minutes."
DOCUMENTS = {"light.md": ABOUT, "keeper.md": ALSO, "bread.txt": OTHER}
BUDGET = "What is the budget of the lighthouse and its zeppelin?"
SUM_UP = "Sum it up."


async def sources(http: httpx2.AsyncClient, client: DesktopClient) -> list[dict[str, Any]]:
    """The sources of the client's only run."""
    events = await log_of(http, client.frames[0]["run_id"])
    return [event.metadata for event in events if event.type is EventType.SOURCE]


async def test_d15_each_passage_is_told_once_and_what_is_beside_the_point_not_at_all(
    serve: "Serve",
) -> None:
    script = knowing({BUDGET: (QUESTION, Reply("4,200 crowns."))})
    async with asyncio.timeout(20), serve(script, DOCUMENTS) as served:
        client = DesktopClient(served.http)
        await client.send(BUDGET)
        rounds = [f for f in client.frames if "round 2" in str(f.get("content"))]
        assert rounds  # a word is missing, so it has looked twice
        told = served.model.requests[-1].chat.text
        assert [told.count(text) for text in (ABOUT, ALSO, OTHER)] == [1, 1, 0]
        found = await sources(served.http, client)
        assert sorted(each["title"] for each in found) == ["keeper.md", "light.md"]
        assert len({each["score"] for each in found}) == 2


async def test_d15_a_search_that_fails_is_a_failure_and_no_context(serve: "Serve") -> None:
    script = knowing({BUDGET: (QUESTION, Reply("4,200 crowns."))})
    with Disk() as disk:
        async with asyncio.timeout(20), serve(script, DOCUMENTS) as served:
            disk.broken = "bm25("
            client = DesktopClient(served.http)
            await client.send(BUDGET)
            assert client.screen.error
            assert said(await client.stored()) == [("user", BUDGET)]
            assert await sources(served.http, client) == []
            assert len(served.model.requests) == 1  # what was meant; no answer was asked for


async def test_d16_a_question_about_the_open_document_needs_no_search_for_more(
    serve: "Serve",
) -> None:
    script = knowing({SUM_UP: (QUESTION, Reply("Bread."))})
    async with asyncio.timeout(20), serve(script, DOCUMENTS) as served:
        listed = (await served.http.get("/api/documents")).json()["items"]
        bread = next(each["id"] for each in listed if each["title"] == "bread.txt")
        client = DesktopClient(served.http)
        client.document_id = str(bread)
        client.selected = "Bake for 50 minutes."
        await client.send(SUM_UP)
        assert said(await client.stored())[1] == ("assistant", "Bread.")
        told = served.model.requests[-1].chat.text
        assert (told.count(OTHER), told.count(client.selected)) == (1, 2)
        state = await served.http.get(f"/api/agent/state/{client.frames[0]['run_id']}")
        assert state.json()["state"]["context"]["sufficiency"] == "sufficient"
        searched = [f for f in client.frames if "round" in str(f.get("content"))]
        assert searched == []


async def test_d16_the_conversation_counts_where_it_is_judged_what_is_enough(
    serve: "Serve",
) -> None:
    script = knowing(
        {BUDGET: (QUESTION, Reply("4,200 crowns.")), "And in all?": (QUESTION, Reply("That."))}
    )
    async with asyncio.timeout(20), serve(script, DOCUMENTS) as served:
        client = DesktopClient(served.http)
        await client.send(BUDGET)
        await client.send("And in all?")
        assert said(client.screen.messages)[-1] == ("assistant", "That.")
        assert ABOUT in served.model.requests[-1].chat.text
        classified = served.model.requests[-2].chat.text
        assert BUDGET in classified
