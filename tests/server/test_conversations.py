"""Conversations in the seed's shapes."""

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import Serving

SEED_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}")
ANSWER = "One two three four."


async def test_a_conversation_has_the_seeds_fields(serving: "Serving") -> None:
    url = "/api/agent/chat/conversations"
    made = (await serving.client.post(url, json={"page_name": "creation", "document_id": 7})).json()
    assert SEED_TIME.fullmatch(made.pop("created_at"))
    assert SEED_TIME.fullmatch(made.pop("updated_at"))
    assert made == {
        "id": 1,
        "title": None,
        "user_id": None,
        "metadata": '{"document_id":"7"}',
        "page_name": "creation",
        "status": "active",
    }
    assert (await serving.client.post(url, json={})).status_code == 422


async def test_conversations_are_listed_page_by_page(serving: "Serving") -> None:
    url = "/api/agent/chat/conversations"
    for page in ["home", "creation", "home"]:
        await serving.client.post(url, json={"page_name": page})

    async def ids(query: str) -> tuple[list[int], int]:
        listed = (await serving.client.get(f"{url}/list{query}")).json()
        return [each["id"] for each in listed["items"]], listed["total"]

    assert await ids("") == ([3, 2, 1], 3)
    assert await ids("?limit=1&offset=1") == ([2], 3)
    assert await ids("?page_name=home") == ([3, 1], 2)
    assert await ids("?status=deleted") == ([], 0)
    one = await serving.client.get(f"{url}/2")
    assert (one.status_code, one.json()["page_name"]) == (200, "creation")
    for missing in ["99", str(2**63 - 1)]:
        response = await serving.client.get(f"{url}/{missing}")
        assert (response.status_code, list(response.json())) == (404, ["detail"])
    for bad in ["x", str(2**63), "-1"]:
        assert (await serving.client.get(f"{url}/{bad}")).status_code == 422


async def test_messages_come_in_order_with_their_thoughts(serving: "Serving") -> None:
    url = "/api/agent/chat/conversations"
    cid = (await serving.client.post(url, json={"page_name": "home"})).json()["id"]
    body = {"query": "hello", "conversation_id": cid}
    await serving.client.post("/api/agent/chat/stream", json=body)
    user, assistant = (await serving.client.get(f"{url}/{cid}/messages")).json()
    assert (user["role"], user["content"], user["thinking"]) == ("user", "hello", [])
    assert (assistant["role"], assistant["content"]) == ("assistant", ANSWER)
    assert (assistant["status"], assistant["parent_message_id"]) == ("completed", str(user["id"]))
    assert SEED_TIME.fullmatch(assistant["completed_at"])
    assert {"done", "running"} <= set(json.loads(assistant["metadata"]))
    first = assistant["thinking"][0]
    assert (first["message_id"], first["sequence"], first["stage"], first["metadata"]) == (
        assistant["id"],
        1,
        "intent_analysis",
        "{}",
    )
    assert (await serving.client.get(f"{url}/99/messages")).json() == []
