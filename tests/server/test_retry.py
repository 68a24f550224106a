"""Asking again: one question, several answers; D32 of the seed."""

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from tailrace.testing.model_script import Fault, Reply

if TYPE_CHECKING:
    from conftest import Serve, Serving

ANSWER = "One two three four."


@pytest.mark.parametrize("route", ["/api/agent/chat", "/api/agent/chat/stream", "/api/agent/runs"])
async def test_a_question_is_answered_again_without_being_asked_twice(
    serve: "Serve", route: str
) -> None:
    """D32: the retry made a second user message."""
    replies = [Reply(text="Half of", fault=Fault.cut(1)), Reply(text=ANSWER)]
    async with serve(replies, model_retries=0) as serving:
        cid = await serving.converse()
        failed = await serving.start(conversation_id=cid)
        assert (await serving.events(failed))[-1].metadata["outcome"] == "failed"
        body = {"query": "hello", "conversation_id": cid, "retry_of": failed}
        answer = await serving.client.post(route, json=body)
        assert answer.is_success, answer.text
        [newest, _] = (await serving.client.get("/api/agent/runs")).json()["items"]
        await serving.events(newest["run_id"])
        user, first, second = await serving.messages(cid)
        assert (user["content"], user["run_id"], newest["user_message_id"]) == (
            "hello",
            failed,
            user["id"],
        )
        assert (first["status"], first["content"], first["run_id"]) == ("failed", "Half ", failed)
        assert (second["status"], second["content"]) == ("completed", ANSWER)
        assert first["parent_message_id"] == second["parent_message_id"] == str(user["id"])
        asked = (await serving.model.wait_for_request(4)).chat.text
        assert "Half" not in asked


async def test_the_next_question_is_told_the_newest_answer_only(serve: "Serve") -> None:
    replies = [Reply(text="Half of", fault=Fault.cut(1)), Reply(text=ANSWER)]
    async with serve(replies, model_retries=0) as serving:
        cid = await serving.converse()
        failed = await serving.start(conversation_id=cid)
        await serving.events(failed)
        for body in ({"query": "hello", "retry_of": failed}, {"query": "and now?"}):
            await serving.client.post("/api/agent/chat", json=body | {"conversation_id": cid})
        told = (await serving.model.wait_for_request(6)).chat.text
        assert ANSWER in told
        assert "Half" not in told


async def test_only_the_newest_ended_run_of_a_conversation_is_tried_again(
    serve: "Serve",
) -> None:
    go = asyncio.Event()

    async def gate(_sent: int) -> None:
        await go.wait()

    async with asyncio.timeout(20), serve(Reply(text=ANSWER, before_chunk=gate)) as serving:
        cid, other = await serving.converse(), await serving.converse()
        first = await serving.start(conversation_id=cid)

        async def retry(status: int, **body: Any) -> None:  # noqa: ANN401 - JSON
            sent = {"query": "hello", "conversation_id": cid, "retry_of": first} | body
            for route in ("/api/agent/runs", "/api/agent/chat/stream", "/api/agent/chat"):
                refused = await serving.client.post(route, json=sent)
                assert (refused.status_code, bool(refused.json()["detail"])) == (status, True)

        await retry(409)
        go.set()
        await serving.events(first)
        kept = await serving.messages(cid)
        await retry(404, retry_of="01kb5x3v9m8q2w4e6r8t0y2u4j")
        await retry(404, conversation_id=other)
        await retry(422, conversation_id=None)
        await retry(422, query="something else")
        assert await serving.messages(cid) == kept
        newer = await serving.start("what else?", conversation_id=cid)
        await serving.events(newer)
        await retry(409)
        assert len(await serving.messages(cid)) == 4


async def test_a_retry_that_is_sent_twice_is_one(serving: "Serving") -> None:
    cid = await serving.converse()
    first = await serving.start(conversation_id=cid)
    await serving.events(first)
    body = {"query": "hello", "conversation_id": cid, "retry_of": first}
    key = {"Idempotency-Key": "again"}
    sent = [await serving.client.post("/api/agent/runs", json=body, headers=key) for _ in range(2)]
    assert [answer.status_code for answer in sent] == [202, 202]
    assert sent[0].json()["run_id"] == sent[1].json()["run_id"] != first
    await serving.events(sent[0].json()["run_id"])
    assert len(await serving.messages(cid)) == 3


async def test_the_whole_answer_is_found_again_by_its_key(serving: "Serving") -> None:
    async def ask(query: str) -> tuple[int, dict[str, Any]]:
        response = await serving.client.post(
            "/api/agent/chat", json={"query": query}, headers={"Idempotency-Key": "k1"}
        )
        return response.status_code, response.json()

    first = await ask("hello")
    assert first[1]["execution"]["outputs"] == [ANSWER]
    assert await ask("hello") == first
    assert (await ask("something else"))[0] == 422
    assert await serving.stored() == (1, 0, 0)
