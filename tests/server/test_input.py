"""Answering a run that waits, over HTTP: our route and the seed's."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from tailrace.testing.model_script import Fault, Reply

if TYPE_CHECKING:
    from conftest import Serve, Serving

VAGUE = "Do it like the other one"
ASKED = "Which plan do you mean?"
TOLD = "I mean the harbour"
ANSWER = "One two three four."
UNKNOWN = "01aaaaaaaaaaaaaaaaaaaaaaaa"


@asynccontextmanager
async def waiting(
    serve: "Serve", **settings: float
) -> AsyncGenerator[tuple["Serving", str, dict[str, Any]], None]:
    """A server with a run that waits, and what it asks."""
    async with asyncio.timeout(20), serve(asks=ASKED, **settings) as serving:
        asked = await serving.client.post(
            "/api/agent/chat", json={"query": VAGUE, "interactive": True}
        )
        yield serving, asked.json()["workflow_id"], asked.json()["input"]


async def post(serving: "Serving", path: str, **body: Any) -> tuple[int, dict[str, Any]]:  # noqa: ANN401 - JSON
    response = await serving.client.post(f"/api/agent/{path}", json=body)
    return response.status_code, response.json()


async def test_a_run_that_waits_shows_what_it_asks(serve: "Serve") -> None:
    async with waiting(serve) as (serving, run_id, asked):
        run = (await serving.client.get(f"/api/agent/runs/{run_id}")).json()
        assert (run["state"], run["outcome"]) == ("waiting", None)
        assert run["input"] == {**asked, "options": []}
        assert asked["question"] == ASKED
        state = (await serving.client.get(f"/api/agent/state/{run_id}")).json()["state"]
        assert (state["input"], state["success"]) == (asked, False)


async def test_an_answer_is_accepted_and_a_viewer_sees_the_run_go_on(serve: "Serve") -> None:
    async with waiting(serve, heartbeat_s=0.02) as (serving, run_id, asked):
        watching = asyncio.ensure_future(serving.events(run_id))
        answer = {"request_id": asked["request_id"], "text": TOLD}
        for _ in range(2):
            status, run = await post(serving, f"runs/{run_id}/input", **answer)
            assert (status, run["run_id"]) == (202, run_id)
        events = await watching
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        assert "".join(e.content for e in events if e.type.value == "stream_chunk") == ANSWER
        run = (await serving.client.get(f"/api/agent/runs/{run_id}")).json()
        assert (run["state"], run["input"]) == ("completed", None)
        assert (await post(serving, f"runs/{run_id}/input", **answer))[0] == 202


async def test_what_cannot_be_an_answer_is_refused_with_a_reason(serve: "Serve") -> None:
    async with waiting(serve, max_query_chars=100) as (serving, run_id, asked):
        request_id, path = asked["request_id"], f"runs/{run_id}/input"
        for body, status, code in (
            ({"request_id": request_id, "text": " "}, 422, "invalid_request"),
            ({"request_id": request_id, "text": "x" * 101}, 422, "invalid_request"),
            ({"request_id": request_id}, 422, "invalid_request"),
            ({"request_id": "another", "text": TOLD}, 409, "conflict"),
        ):
            found, problem = await post(serving, path, **body)
            assert (found, problem["code"]) == (status, code)
        unknown = await post(serving, f"runs/{UNKNOWN}/input", request_id=request_id, text=TOLD)
        assert (unknown[0], unknown[1]["code"]) == (404, "not_found")
        await post(serving, path, request_id=request_id, text=TOLD)
        other = await post(serving, path, request_id=request_id, text="Something else")
        assert (other[0], other[1]["code"]) == (409, "conflict")


async def test_somebody_elses_run_is_not_there_to_be_answered(serve: "Serve") -> None:
    keys = {"Authorization": "Bearer a-key"}
    async with asyncio.timeout(20), serve(asks=ASKED, api_keys="ada:a-key,bob:b-key") as serving:
        body = {"query": VAGUE, "interactive": True}
        asked = (await serving.client.post("/api/agent/chat", json=body, headers=keys)).json()
        run_id, request_id = asked["workflow_id"], asked["input"]["request_id"]
        answer = {"request_id": request_id, "text": TOLD}
        path = f"/api/agent/runs/{run_id}/input"
        foreign = {"Authorization": "Bearer b-key"}
        refused = await serving.client.post(path, json=answer, headers=foreign)
        taken = await serving.client.post(path, json=answer, headers=keys)
        assert (refused.status_code, taken.status_code) == (404, 202)


async def test_the_seeds_resume_gives_the_answer_and_the_rest_of_the_run(serve: "Serve") -> None:
    """D9: it always failed, and would have begun again from the start."""
    async with waiting(serve) as (serving, run_id, _):
        body = {"workflow_id": run_id, "user_input": TOLD}
        status, state = await post(serving, f"resume/{run_id}", **body)
        assert (status, state["success"], state["workflow_id"]) == (200, True, run_id)
        assert state["execution"]["outputs"] == [ANSWER]
        assert (state["query"], state["input"]) == (VAGUE, None)
        events = await serving.events(run_id)
        assert [e.type.value for e in events].count("input_required") == 1
        assert [e.stage.value for e in events if e.stage].count("init") == 1


async def test_the_seeds_resume_says_what_to_do_where_it_cannot_go_on(serve: "Serve") -> None:
    async with waiting(serve) as (serving, run_id, _):
        missing = await post(serving, f"resume/{run_id}", workflow_id=run_id)
        assert missing == (422, {"detail": f"the answer is empty; the run asks: {ASKED}"})
        other = await post(serving, f"resume/{run_id}", workflow_id=UNKNOWN, user_input=TOLD)
        assert other[0] == 422
        for unknown in (UNKNOWN, "nothing"):
            assert await post(serving, f"resume/{unknown}", user_input=TOLD) == (
                404,
                {"detail": f"Workflow {unknown} not found"},
            )
        await post(serving, f"resume/{run_id}", user_input=TOLD)
        status, ended = await post(serving, f"resume/{run_id}", workflow_id=run_id)
        assert status == 409
        assert ended["detail"].endswith("it has ended (answered). Ask again")


async def test_the_seeds_resume_of_a_run_at_work_points_to_its_stream(serve: "Serve") -> None:
    async with asyncio.timeout(20), serve(Reply(fault=Fault.mute())) as serving:
        run_id = await serving.start(interactive=True)
        await serving.model.wait_for_request(2)
        status, refused = await post(serving, f"resume/{run_id}", user_input=TOLD)
        assert status == 409
        assert refused["detail"].endswith("it is at work (intent_analysis). Watch it")


async def test_a_waiting_run_is_stopped_like_any_other(serve: "Serve") -> None:
    async with waiting(serve) as (serving, run_id, asked):
        cancelled = await post(serving, f"runs/{run_id}/cancel")
        assert (cancelled[0], cancelled[1]["state"]) == (200, "cancelled")
        late = {"request_id": asked["request_id"], "text": TOLD}
        refused = await post(serving, f"runs/{run_id}/input", **late)
        assert (refused[0], refused[1]["code"]) == (409, "conflict")


async def test_a_server_that_stops_breaks_off_the_streams_of_waiting_runs(serve: "Serve") -> None:
    async with waiting(serve) as (serving, run_id, _):
        path = f"/api/agent/runs/{run_id}/events"
        async with serving.client.stream("GET", path) as response:
            pieces = response.aiter_raw()
            seen = await anext(pieces)
            while b"input_required" not in seen:
                seen += await anext(pieces)
            await serving.agent.shut_down()
            with pytest.raises(httpx2.RemoteProtocolError):
                [piece async for piece in pieces]


async def test_null_and_absence_of_interactive_are_the_same(serve: "Serve") -> None:
    async with asyncio.timeout(20), serve(asks=ASKED) as serving:
        for body in ({}, {"interactive": None}, {"interactive": False}):
            status, state = await post(serving, "chat", query=VAGUE, **body)
            assert (status, state["execution"]["outputs"]) == (200, [ASKED])
