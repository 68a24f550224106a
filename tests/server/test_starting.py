"""Starting a run over HTTP: once for a key, and what becomes of those before it."""

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from tailrace.testing.model_script import Fault, Reply

if TYPE_CHECKING:
    from conftest import Serve, Serving

STALLS = Reply(chunks=["One ", "two ", "three"], fault=Fault.stall(after=2))


async def runs(serving: "Serving") -> list[dict[str, Any]]:
    """All runs, oldest first."""
    listed = (await serving.client.get("/api/agent/runs")).json()["items"]
    return list(reversed(listed))


async def written(serving: "Serving", run_id: str) -> None:
    """Return once the run has written all that it will."""
    async for event in serving.agent.watch(run_id):
        if event.type.value == "stream_chunk" and "two" in event.content:
            return


async def test_twenty_starts_at_once_with_one_key_are_one_run(serving: "Serving") -> None:
    async def start(number: int) -> tuple[str, str]:
        headers = {"Idempotency-Key": "key"}
        if number % 2:
            path, body = "/api/agent/chat/stream", {"query": "hello"}
            answer = await serving.client.post(path, json=body, headers=headers)
            return "200", answer.headers["x-run-id"]
        answer = await serving.client.post(
            "/api/agent/runs", json={"query": "hello", "context": None}, headers=headers
        )
        return answer.headers["location"].rpartition("/")[0], answer.json()["run_id"]

    async with asyncio.timeout(30):
        answers = await asyncio.gather(*(start(number) for number in range(20)))
    (run,) = await runs(serving)
    assert set(answers) == {("200", run["run_id"]), ("/api/agent/runs", run["run_id"])}
    assert len(serving.model.requests) == 2


async def test_a_key_is_one_request_of_one_owner(serve: "Serve") -> None:
    async with asyncio.timeout(20), serve(api_keys="ann:a,bob:b") as serving:

        async def start(key: str, query: str, **more: str) -> tuple[int, str]:
            answer = await serving.client.post(
                "/api/agent/runs",
                json={"query": query, **more},
                headers={"Idempotency-Key": "key", "X-API-Key": key},
            )
            return answer.status_code, answer.json().get("run_id", answer.json().get("code"))

        first = await start("a", "hello")
        assert await start("a", "hello", on_conflict="enqueue") == first
        assert await start("a", "hello", on_conflict="reject") == (422, "invalid_request")
        assert await start("a", "other") == (422, "invalid_request")
        status, other = await start("b", "other")
        assert (status, other != first[1]) == (202, True)


@pytest.mark.parametrize("route", ["runs", "chat", "chat/stream"])
async def test_a_second_message_is_refused_where_it_asks_for_that(
    serve: "Serve", route: str
) -> None:
    async with asyncio.timeout(20), serve(STALLS) as serving:
        place = await serving.converse()
        first = await serving.start(conversation_id=place)
        body = {"query": "and?", "conversation_id": place, "on_conflict": "reject"}
        refused = await serving.client.post(f"/api/agent/{route}", json=body)
        assert (refused.status_code, first in refused.text) == (409, True)
        assert "on_conflict" in refused.text
        assert [run["run_id"] for run in await runs(serving)] == [first]
        assert len(await serving.messages(place)) == 2


@pytest.mark.parametrize("route", ["runs", "chat", "chat/stream"])
async def test_an_interrupting_message_ends_the_one_before_it(serve: "Serve", route: str) -> None:
    script = [STALLS, Reply("Instead.")]
    async with asyncio.timeout(20), serve(script) as serving:
        place = await serving.converse()
        first = await serving.start(conversation_id=place)
        await written(serving, first)
        viewer = asyncio.ensure_future(serving.events(first))
        body = {"query": "and?", "conversation_id": place, "on_conflict": "interrupt"}
        answer = await serving.client.post(f"/api/agent/{route}", json=body)
        assert answer.status_code in {200, 202}
        assert (await viewer)[-1].type.value == "interrupted"
        ended, second = await runs(serving)
        assert (ended["run_id"], ended["outcome"]) == (first, "cancelled")
        await serving.agent.passed(second["run_id"])
        assert [message["content"] for message in await serving.messages(place)] == [
            *("hello", "One two "),
            *("and?", "Instead."),
        ]
        await serving.model.requests[1].disconnected.wait()


@pytest.mark.parametrize("word", ["", "wait", "REJECT", 1])
async def test_another_policy_is_refused(serving: "Serving", word: object) -> None:
    for route in ("runs", "chat", "chat/stream"):
        answer = await serving.client.post(
            f"/api/agent/{route}", json={"query": "hello", "on_conflict": word}
        )
        assert (answer.status_code, "on_conflict" in answer.text) == (422, True)
    assert await serving.stored() == (0, 0, 0)
