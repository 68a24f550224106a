"""Stopping: cancel, interrupt and the seed's names; before, during and after."""

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from tailrace.testing.model_script import Fault, Reply

if TYPE_CHECKING:
    from conftest import Serve, Serving

PART = ["One ", "two "]
STALLS = Reply(chunks=[*PART, "three"], fault=Fault.stall(after=2))


@asynccontextmanager
async def half_answered(serve: "Serve") -> AsyncGenerator[tuple["Serving", str, int], None]:
    """A server with a run in a conversation that has written `PART` and goes no further."""
    async with asyncio.timeout(20), serve(STALLS) as serving:
        made = await serving.client.post(
            "/api/agent/chat/conversations", json={"page_name": "home"}
        )
        run_id = await serving.start(conversation_id=made.json()["id"])
        async for event in serving.agent.watch(run_id):
            if event.type.value == "stream_chunk" and "two" in event.content:
                break
        run = (await serving.client.get(f"/api/agent/runs/{run_id}")).json()
        yield serving, run_id, run["assistant_message_id"]


async def test_cancel_answers_the_ended_run_and_nothing_follows(serve: "Serve") -> None:
    async with half_answered(serve) as (serving, run_id, _):
        url = f"/api/agent/runs/{run_id}/cancel"
        first = (await serving.client.post(url)).json()
        assert (first["state"], first["outcome"]) == ("cancelled", "cancelled")
        events = await serving.events(run_id)
        assert events[-1].type.value == "interrupted"
        assert first["last_seq"] == events[-1].seq
        assert (await serving.client.post(url)).json() == first
        await serving.model.requests[-1].disconnected.wait()


async def test_an_interrupted_answer_is_kept_as_it_was(serve: "Serve") -> None:
    async with half_answered(serve) as (serving, run_id, message_id):
        url = f"/api/agent/chat/messages/{message_id}/interrupt"
        answer = await serving.client.post(url)
        assert answer.json() == {"message_id": str(message_id)}
        run = (await serving.client.get(f"/api/agent/runs/{run_id}")).json()
        listed = f"/api/agent/chat/conversations/{run['conversation_id']}/messages"
        message = (await serving.client.get(listed)).json()[1]
        assert (message["status"], message["content"]) == ("cancelled", "One two ")
        assert (await serving.client.post(url)).status_code == 200


async def test_viewers_are_told_before_the_interrupt_is_answered(serve: "Serve") -> None:
    async with half_answered(serve) as (serving, run_id, message_id):
        with socket.create_connection(("127.0.0.1", serving.port)) as viewer:
            viewer.setblocking(False)  # noqa: FBT003 - the socket module's own signature
            path = f"/api/agent/runs/{run_id}/events?dialect=seed"
            viewer.send(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            seen = b""
            while b"two" not in seen:
                seen += await asyncio.get_running_loop().sock_recv(viewer, 65_536)
            await serving.client.post(f"/api/agent/chat/messages/{message_id}/interrupt")
            arrived = viewer.recv(65_536)  # whatever is here already
        assert arrived.index(b'"type":"interrupted"') < arrived.index(b'"type":"stream_complete"')


async def test_a_message_that_has_ended_stays_as_it_ended(serving: "Serving") -> None:
    made = await serving.client.post("/api/agent/chat/conversations", json={"page_name": "home"})
    conversation = made.json()["id"]
    run_id = await serving.start(conversation_id=conversation)
    await serving.watch(run_id)
    url = f"/api/agent/chat/conversations/{conversation}/messages"
    before = (await serving.client.get(url)).json()
    for message in before:
        answer = await serving.client.post(f"/api/agent/chat/messages/{message['id']}/interrupt")
        assert answer.json() == {"message_id": str(message["id"])}
    assert (await serving.client.get(url)).json() == before
    unknown = await serving.client.post("/api/agent/chat/messages/999/interrupt")
    assert (unknown.status_code, list(unknown.json())) == (404, ["detail"])
    assert (await serving.client.post("/api/agent/chat/messages/x/interrupt")).status_code == 422


async def test_the_users_own_message_stops_nothing(serve: "Serve") -> None:
    async with half_answered(serve) as (serving, run_id, _):
        run = (await serving.client.get(f"/api/agent/runs/{run_id}")).json()
        url = f"/api/agent/chat/messages/{run['user_message_id']}/interrupt"
        assert (await serving.client.post(url)).status_code == 200
        assert (await serving.client.get(f"/api/agent/runs/{run_id}")).json() == run


async def test_the_seeds_names_for_state_and_cancel(serve: "Serve") -> None:
    async with half_answered(serve) as (serving, run_id, _):
        state = (await serving.client.get(f"/api/agent/state/{run_id}")).json()
        assert state["success"] is True
        assert state["state"]["stage"] == "intent_analysis"
        assert "errors" not in state["state"]
        done = await serving.client.delete(f"/api/agent/cancel/{run_id}")
        assert done.json() == {"success": True, "message": f"Workflow {run_id} cancelled"}
        run = (await serving.client.get(f"/api/agent/runs/{run_id}")).json()
        assert (run["state"], run["text"]) == ("cancelled", "One two ")
        unknown = {"success": False, "error": "Workflow not found"}
        assert (await serving.client.get("/api/agent/state/nothing")).json() == unknown
        assert (await serving.client.delete("/api/agent/cancel/nothing")).json() == unknown
