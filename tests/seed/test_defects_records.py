"""D18 to D21: what is kept of a message, and what nobody can do to it."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from tailrace.testing.model_script import Fault, Reply

from .client import DesktopClient
from .disk import Disk
from .served import CHAT, Serve, knowing

CHATS = "/api/agent/chat"
HELLO = {"Hello": (CHAT, Reply("Hello."))}


async def begin(http: httpx2.AsyncClient) -> int:
    """The id of a new conversation."""
    made = await http.post(f"{CHATS}/conversations", json={"page_name": "home"})
    conversation_id: int = made.json()["id"]
    return conversation_id


async def write(http: httpx2.AsyncClient, path: str, **body: Any) -> httpx2.Response:  # noqa: ANN401 - JSON
    """The answer to a message route; `message` is put where the seed's clients repeat the id."""
    return await http.post(f"{CHATS}/message/{path}", json=body)


@pytest.mark.parametrize(
    "fault",
    [
        Fault.http_status(500),
        Fault.http_status(401),
        Fault.garbage(1),
        Fault.cut(1),
        Fault.error_event({"error": {"message": "raw text"}}, after=1),
        Fault.refuse(),
    ],
    ids=lambda fault: f"{fault.kind.value} {fault.status}",
)
async def test_d18_a_failure_is_kept_with_its_reason_in_words_for_people(
    serve: "Serve", fault: Fault
) -> None:
    script = knowing({"Hello": (CHAT, Reply(chunks=["One ", "two"], fault=fault))})
    async with asyncio.timeout(20), serve(script) as (_, _, http):
        client = DesktopClient(http)
        await client.send("Hello")
        _, answer = await client.stored()
        assert answer["status"] == "failed"
        assert answer["error_message"] == client.screen.error
        assert answer["error_message"].startswith("The model")
        shown = str(client.frames) + str(await client.stored())
        assert [word for word in ("raw text", "Error", "Exception") if word in shown] == []


async def test_d19_what_has_ended_stays_as_it_ended(serve: "Serve") -> None:
    known = {
        **HELLO,
        "Fail": (CHAT, Reply(chunks=["One ", "two"], fault=Fault.cut(1))),
        "Stop": (CHAT, Reply(chunks=["One ", "two"], fault=Fault.stall(1))),
    }
    async with asyncio.timeout(20), serve(knowing(known)) as (_, _, http):
        client = DesktopClient(http)
        await client.send("Hello")
        await client.send("Fail")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(client.send("Stop"))
            await client.until(lambda: client.screen.bubble == "One ")
            await client.stop()
        before = await client.stored()
        assert [row["status"] for row in before[1::2]] == ["completed", "failed", "cancelled"]
        for row in before:
            url = f"{CHATS}/messages/{row['id']}/interrupt"
            answer = await http.post(url)
            assert (answer.status_code, answer.json()) == (200, {"message_id": str(row["id"])})
            await write(http, f"{row['id']}/finished")
            await write(http, f"{row['id']}/append", message_id=row["id"], content_chunk="x")
            await write(http, f"{row['id']}/update", message_id=row["id"], new_content="x")
        assert await client.stored() == before


@pytest.mark.parametrize("route", ["append", "update", "finished", "interrupt"])
async def test_d20_a_message_that_is_not_there_is_not_found_and_a_bad_id_is_refused(
    serve: "Serve", route: str
) -> None:
    async with asyncio.timeout(20), serve(Reply()) as (_, _, http):
        body = {"message_id": 999, "content_chunk": "x", "new_content": "x"}
        folder = "messages" if route == "interrupt" else "message"
        for message_id, status in (("999", 404), ("x", 422), (str(2**70), 422)):
            answer = await http.post(f"{CHATS}/{folder}/{message_id}/{route}", json=body)
            assert (answer.status_code, [*answer.json()]) == (status, ["detail"])


async def test_d21_nothing_is_written_where_there_is_no_conversation(serve: "Serve") -> None:
    async with asyncio.timeout(20), serve(knowing(HELLO)) as (_, _, http):
        client = DesktopClient(http)
        await client.send("Hello")
        deleted = client.conversation_id
        assert deleted is not None
        made = await write(http, "0/create", conversation_id=deleted, role="user", content="a")
        await http.delete(f"{CHATS}/conversations/{deleted}/update")
        before = await client.stored()
        for conversation_id in (deleted, 999):
            body = {"conversation_id": conversation_id, "role": "user"}
            answers = [
                await write(http, "0/create", **body, content="b"),
                await write(http, "stream/0/create", **body),
                await http.post(f"{CHATS}/stream", json={"query": "Hello", **body}),
                await http.post(CHATS, json={"query": "Hello", **body}),
            ]
            assert [answer.status_code for answer in answers] == [404] * 4
        late = await write(http, f"{made.json()}/append", message_id=1, content_chunk="c")
        assert late.status_code == 404
        assert await client.stored() == before


async def test_d21_rows_are_in_the_order_they_were_made_with_true_times(serve: "Serve") -> None:
    script = knowing({"Hello": (CHAT, Reply("Hello.", first_delay_s=0.02))})
    async with asyncio.timeout(20), serve(script) as (_, _, http):
        began = datetime.now(UTC)
        client = DesktopClient(http)
        await client.send("Hello")
        ids = [
            (
                await write(
                    http,
                    "0/create",
                    conversation_id=client.conversation_id,
                    role="user",
                    content=f"{number}",
                )
            ).json()
            for number in range(20)
        ]
        rows = await client.stored()
        assert [row["id"] for row in rows[2:]] == ids == sorted(ids)
        answer = rows[1]
        assert answer["latency_ms"] >= 20
        times = [
            datetime.strptime(at, "%Y-%m-%d %H:%M:%S.%f").replace(tzinfo=UTC)
            for at in (
                answer["created_at"],
                *(thought["created_at"] for thought in answer["thinking"]),
                answer["completed_at"],
            )
        ]
        assert times == sorted(times)
        assert began <= times[0] <= times[-1] <= datetime.now(UTC)


async def test_d21_reading_a_long_conversation_takes_no_more_statements(serve: "Serve") -> None:
    with Disk() as disk:
        quiet = serve(knowing(HELLO), {}, recall=False)  # nothing is indexed meanwhile
        async with asyncio.timeout(20), quiet as (agent, _, http):
            await agent.parts.indexer.settled()
            client = DesktopClient(http)
            statements: list[int] = []
            for turns in (1, 7):
                for _ in range(turns):
                    await client.send("Hello")
                before = len(disk.statements)
                assert all(row["thinking"] for row in (await client.stored())[1::2])
                statements.append(len(disk.statements) - before)
            assert statements[0] == statements[1]


async def test_d19_a_message_made_by_hand_stays_as_it_ended_too(serve: "Serve") -> None:
    async with asyncio.timeout(20), serve(Reply()) as (_, _, http):
        conversation_id = await begin(http)
        body = {"conversation_id": conversation_id, "role": "assistant"}
        stopped = (await write(http, "stream/0/create", **body)).json()
        await write(http, f"{stopped}/append", message_id=stopped, content_chunk="One ")
        await http.post(f"{CHATS}/messages/{stopped}/interrupt")
        whole = (await write(http, "0/create", **body, content="Two", is_complete=True)).json()
        for message_id in (stopped, whole):
            await write(http, f"{message_id}/finished")
            await http.post(f"{CHATS}/messages/{message_id}/interrupt")
            refused = await write(http, f"{message_id}/append", message_id=1, content_chunk="x")
            assert refused.status_code == 409
        rows = (await http.get(f"{CHATS}/conversations/{conversation_id}/messages")).json()
        assert [(row["content"], row["status"]) for row in rows] == [
            ("One ", "cancelled"),
            ("Two", "completed"),
        ]
