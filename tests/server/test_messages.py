"""Conversations and messages written by hand, as the seed's clients do; D20 and D21 of the seed."""

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from tailrace.testing.model_script import Fault, Reply

if TYPE_CHECKING:
    from conftest import Serve, Serving

ANSWER = "One two three four."
CONVERSATIONS = "/api/agent/chat/conversations"
MESSAGE = "/api/agent/chat/message"


async def test_a_message_is_made_whole_or_piece_by_piece(serving: "Serving") -> None:
    cid, post = await serving.converse(), serving.client.post
    body = {"conversation_id": cid, "role": "user", "content": "Hi", "is_complete": True}
    whole = await post(f"{MESSAGE}/none/create", json=body | {"token_count": 3})
    begun = await post(
        f"{MESSAGE}/stream/{whole.text}/create", json={"conversation_id": cid, "role": "assistant"}
    )
    assert (whole.json(), begun.json()) == (1, 2)
    for chunk, tokens in [("One ", 1), ("two", None), (".", 4)]:
        sent = {"message_id": 77, "content_chunk": chunk, "token_count": tokens}
        assert (await post(f"{MESSAGE}/2/append", json=sent)).json() is True
    assert (await serving.messages(cid))[1]["status"] == "streaming"
    for _ in range(2):
        assert (await post(f"{MESSAGE}/2/finished")).json() is True
    user, assistant = await serving.messages(cid)
    assert {key: user[key] for key in ("parent_message_id", "run_id", "content", "status")} == {
        "parent_message_id": "none",
        "run_id": None,
        "content": "Hi",
        "status": "completed",
    }
    assert (user["token_count"], assistant["token_count"]) == (3, 5)
    assert (assistant["parent_message_id"], assistant["content"]) == ("1", "One two.")
    assert assistant["completed_at"] == assistant["updated_at"]
    late = await post(f"{MESSAGE}/2/append", json={"content_chunk": "x"})
    assert (late.status_code, list(late.json())) == (409, ["detail"])
    assert await serving.messages(cid) == [user, assistant]


async def test_a_message_is_replaced_and_stays_as_it_ended(serving: "Serving") -> None:
    cid, post = await serving.converse(), serving.client.post
    body = {"conversation_id": cid, "role": "assistant", "content": "draft", "token_count": 2}
    mid = (await post(f"{MESSAGE}/1/create", json=body)).json()
    replaced = {"message_id": mid, "new_content": "final", "is_complete": True, "token_count": 1}
    assert (await post(f"{MESSAGE}/{mid}/update", json=replaced)).json() is True
    [ended] = await serving.messages(cid)
    assert (ended["content"], ended["status"], ended["token_count"]) == ("final", "completed", 1)
    edited = {"message_id": mid, "new_content": "edited"}
    assert (await post(f"{MESSAGE}/{mid}/update", json=edited)).json() is True
    await post(f"/api/agent/chat/messages/{mid}/interrupt")
    [after] = await serving.messages(cid)
    assert after == ended | {"content": "edited", "updated_at": after["updated_at"]}


async def test_an_interrupted_message_by_hand_is_cancelled(serving: "Serving") -> None:
    cid = await serving.converse()
    body = {"conversation_id": cid, "role": "assistant"}
    mid = (await serving.client.post(f"{MESSAGE}/stream/1/create", json=body)).json()
    answer = await serving.client.post(f"/api/agent/chat/messages/{mid}/interrupt")
    assert answer.json() == {"message_id": str(mid)}
    assert [row["status"] for row in await serving.messages(cid)] == ["cancelled"]


async def test_a_message_that_is_not_there_is_404_and_no_500(serving: "Serving") -> None:
    """D20: each of these was a 500."""
    sent: dict[str, dict[str, Any]] = {
        "update": {"message_id": 9, "new_content": "x"},
        "append": {"message_id": 9, "content_chunk": "x"},
        "finished": {},
    }
    for name, body in sent.items():
        for mid in ("9", str(2**63 - 1)):
            missing = await serving.client.post(f"{MESSAGE}/{mid}/{name}", json=body)
            assert (missing.status_code, list(missing.json())) == (404, ["detail"]), name
        bad = await serving.client.post(f"{MESSAGE}/x/{name}", json=body)
        assert (bad.status_code, list(bad.json())) == (422, ["detail"])
    interrupted = await serving.client.post("/api/agent/chat/messages/9/interrupt")
    assert (interrupted.status_code, list(interrupted.json())) == (404, ["detail"])


async def test_nothing_is_written_where_no_conversation_is(serving: "Serving") -> None:
    """D21: neither into an unknown one, nor into one that was deleted."""
    cid, post = await serving.converse(), serving.client.post
    mid = (
        await post(f"{MESSAGE}/stream/1/create", json={"conversation_id": cid, "role": "user"})
    ).json()
    before = await serving.messages(cid)
    deleted = await serving.client.delete(f"{CONVERSATIONS}/{cid}/update")
    assert deleted.json() == {"success": True, "id": cid}
    for place in (cid, 99):
        body = {"conversation_id": place, "role": "user", "content": "x"}
        for path in (f"{MESSAGE}/1/create", f"{MESSAGE}/stream/1/create"):
            assert (await post(path, json=body)).status_code == 404
        renamed = await serving.client.patch(f"{CONVERSATIONS}/{place}/update", json={"title": "x"})
        assert renamed.status_code == 404
    for name, sent in [
        ("append", {"content_chunk": "x"}),
        ("update", {"new_content": "x"}),
        ("finished", {}),
    ]:
        assert (await post(f"{MESSAGE}/{mid}/{name}", json=sent)).status_code == 404
    assert await serving.messages(cid) == before
    assert (await serving.client.delete(f"{CONVERSATIONS}/99/update")).status_code == 404


async def test_what_a_run_writes_is_not_changed_by_hand(serve: "Serve") -> None:
    async with asyncio.timeout(20), serve(Reply(text=ANSWER, fault=Fault.stall(2))) as serving:
        cid = await serving.converse()
        run_id = await serving.start(conversation_id=cid)
        user, assistant = [row["id"] for row in await serving.messages(cid)]

        async def statuses(mid: int) -> list[int]:
            sent: list[tuple[str, dict[str, Any]]] = [
                ("append", {"content_chunk": "x"}),
                ("update", {"new_content": "x"}),
                ("finished", {}),
            ]
            answers = [
                await serving.client.post(f"{MESSAGE}/{mid}/{name}", json=body)
                for name, body in sent
            ]
            return [answer.status_code for answer in answers]

        assert await statuses(assistant) == [409, 409, 409]
        await serving.client.post(f"/api/agent/runs/{run_id}/cancel")
        kept = await serving.messages(cid)
        assert [row["run_id"] for row in kept] == [run_id, run_id]
        assert await statuses(assistant) == [409, 409, 200]
        assert await statuses(user) == [409, 409, 200]
        assert await serving.messages(cid) == kept
        assert kept[1]["status"] == "cancelled"


async def test_what_is_written_by_hand_is_history(serving: "Serving") -> None:
    cid = await serving.converse()
    for role, content in [("user", "My name is Ada."), ("assistant", "Hello Ada.")]:
        body = {"conversation_id": cid, "role": role, "content": content, "is_complete": True}
        await serving.client.post(f"{MESSAGE}/0/create", json=body)
    await serving.client.post(
        "/api/agent/chat", json={"query": "Who am I?", "conversation_id": cid}
    )
    assert "Hello Ada." in (await serving.model.wait_for_request(2)).chat.text
    shown = (await serving.client.get(f"{CONVERSATIONS}/{cid}")).json()
    assert shown["title"] == "My name is Ada."


@pytest.mark.parametrize(
    "body",
    [
        {"role": "system", "content": "x"},
        {"role": "user"},
        {"role": "user", "content": "\ud800"},
        {"role": "user", "content": "x", "token_count": -1},
        {"role": "user", "content": "x", "conversation_id": "x"},
    ],
    ids=",".join,
)
async def test_a_message_without_its_form_is_refused(
    serving: "Serving", body: dict[str, Any]
) -> None:
    cid = await serving.converse()
    content = json.dumps({"conversation_id": cid} | body)
    refused = await serving.client.post(
        f"{MESSAGE}/1/create", content=content, headers={"content-type": "application/json"}
    )
    assert (refused.status_code, list(refused.json())) == (422, ["detail"])
    assert await serving.messages(cid) == []


async def test_a_conversation_is_renamed(serving: "Serving") -> None:
    cid = await serving.converse()
    other = await serving.converse()
    url = f"{CONVERSATIONS}/{cid}"
    before = (await serving.client.get(url)).json()
    renamed = (await serving.client.patch(f"{url}/update", json={"title": "Mills 🐈"})).json()
    assert renamed == before | {"title": "Mills 🐈", "updated_at": renamed["updated_at"]}
    assert renamed["updated_at"] > before["updated_at"]
    listed = (await serving.client.get(f"{CONVERSATIONS}/list")).json()["items"]
    assert [each["id"] for each in listed] == [cid, other]
    for title in ("", None, "x" * 201):
        refused = await serving.client.patch(f"{url}/update", json={"title": title})
        assert refused.status_code == 422


async def test_a_deleted_conversation_stops_writing_and_can_still_be_read(
    serve: "Serve",
) -> None:
    async with asyncio.timeout(20), serve(Reply(text=ANSWER, fault=Fault.stall(2))) as serving:
        cid = await serving.converse()
        runs = [await serving.start(conversation_id=cid) for _ in range(2)]
        for _ in range(2):
            deleted = await serving.client.delete(f"{CONVERSATIONS}/{cid}/update")
            assert deleted.json() == {"success": True, "id": cid}
        for run_id in runs:
            assert (await serving.events(run_id))[-1].metadata["outcome"] == "cancelled"
        listed = (await serving.client.get(f"{CONVERSATIONS}/list")).json()
        assert listed == {"items": [], "total": 0}
        shown = (await serving.client.get(f"{CONVERSATIONS}/{cid}")).json()
        assert shown["status"] == "deleted"
        statuses = [row["status"] for row in await serving.messages(cid)]
        assert statuses == ["completed", "cancelled"] * 2


async def test_a_foreign_message_is_not_there(serve: "Serve") -> None:
    async with serve(api_keys="ann:k-ann, bob:k-bob") as serving:
        ann, bob = {"X-API-Key": "k-ann"}, {"X-API-Key": "k-bob"}
        cid = (
            await serving.client.post(CONVERSATIONS, json={"page_name": "home"}, headers=ann)
        ).json()["id"]
        body = {"conversation_id": cid, "role": "user", "content": "x"}
        made = await serving.client.post(f"{MESSAGE}/1/create", json=body, headers=ann)
        foreign: list[tuple[str, str, dict[str, Any]]] = [
            ("POST", f"{MESSAGE}/1/create", body),
            ("POST", f"{MESSAGE}/stream/1/create", body),
            ("POST", f"{MESSAGE}/{made.text}/append", {"content_chunk": "x"}),
            ("POST", f"{MESSAGE}/{made.text}/update", {"new_content": "x"}),
            ("POST", f"{MESSAGE}/{made.text}/finished", {}),
            ("PATCH", f"{CONVERSATIONS}/{cid}/update", {"title": "x"}),
            ("DELETE", f"{CONVERSATIONS}/{cid}/update", {}),
        ]
        for method, path, sent in foreign:
            answer = await serving.client.request(method, path, json=sent, headers=bob)
            assert answer.status_code == 404, path
        kept = await serving.client.get(f"{CONVERSATIONS}/{cid}/messages", headers=ann)
        assert [row["content"] for row in kept.json()] == ["x"]
