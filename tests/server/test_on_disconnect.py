"""What becomes of a run when its viewers leave, as it was asked: over real, dropped connections."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from tailrace.agent.attendance import Attendance
from tailrace.testing.model_script import Fault, Reply

if TYPE_CHECKING:
    from conftest import Serve, Serving

PART = ["One ", "two "]
STALLS = Reply(chunks=[*PART, "three"], fault=Fault.stall(after=2))


class Gated:
    """An answer whose last word comes when a test says so."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.script = Reply(chunks=[*PART, "three"], before_chunk=self._wait)

    async def _wait(self, sent: int) -> None:
        if sent == len(PART):
            await self.gate.wait()


@asynccontextmanager
async def connection(
    serving: "Serving", head: str, body: str = ""
) -> AsyncGenerator[asyncio.StreamReader]:
    """A connection of its own that has sent one request; it is dropped on the way out."""
    reader, writer = await asyncio.open_connection("127.0.0.1", serving.port)
    sent = f"{head} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    writer.write(f"{sent}Content-Length: {len(body)}\r\n\r\n{body}".encode())
    try:
        yield reader
    finally:
        writer.transport.abort()


@asynccontextmanager
async def viewer(serving: "Serving", run_id: str) -> AsyncGenerator[None]:
    """A viewer of the run that has seen all that was written so far; it drops its line."""
    async with connection(serving, f"GET /api/agent/runs/{run_id}/events") as reader:
        await reader.readuntil(b'two "')
        yield


async def asked(serving: "Serving", route: str, on_disconnect: str) -> str:
    """Ask at `route`, and drop the line once the run has written what it will; its id."""
    body = json.dumps({"query": "hello", "on_disconnect": on_disconnect})
    async with connection(serving, f"POST /api/agent/{route}", body) as reader:
        await serving.model.wait_for_request(2)
        if route == "chat/stream":
            await reader.readuntil(b'two "')
        (run,) = (await serving.client.get("/api/agent/runs")).json()["items"]
    return str(run["run_id"])


async def ended(serving: "Serving", run_id: str) -> tuple[str, str]:
    """How the run ended, and what it had written; nobody watches it meanwhile."""
    await serving.agent.passed(run_id)
    run = (await serving.client.get(f"/api/agent/runs/{run_id}")).json()
    return run["outcome"], run["text"]


@pytest.mark.parametrize("policy", ["cancel", "cancel_after:0.01", "cancel_after:0"])
@pytest.mark.parametrize("route", ["chat/stream", "chat"])
async def test_a_run_ends_when_the_one_who_asked_hangs_up(
    serve: "Serve", route: str, policy: str
) -> None:
    async with asyncio.timeout(20), serve(STALLS) as serving:
        run_id = await asked(serving, route, policy)
        outcome, text = await ended(serving, run_id)
        assert (outcome, "One two ".startswith(text)) == ("cancelled", True)
        await serving.model.requests[-1].disconnected.wait()


@pytest.mark.parametrize("route", ["chat/stream", "chat"])
async def test_a_run_goes_on_by_itself_unless_it_was_asked_not_to(
    serve: "Serve", route: str
) -> None:
    answer = Gated()
    async with asyncio.timeout(20), serve(answer.script) as serving:
        run_id = await asked(serving, route, "continue")
        answer.gate.set()
        assert await ended(serving, run_id) == ("answered", "One two three")


async def test_only_the_last_viewer_that_leaves_ends_a_run(serve: "Serve") -> None:
    async with asyncio.timeout(20), serve(STALLS) as serving:
        run_id = await serving.start(on_disconnect="cancel")
        async with viewer(serving, run_id):
            async with viewer(serving, run_id):
                pass
            looks = [await serving.client.get(f"/api/agent/runs/{run_id}") for _ in range(3)]
            found = looks[-1].json()  # who only looks is no viewer, and leaves no run
            assert (found["state"], found["text"]) == ("running", "One two ")
        assert await ended(serving, run_id) == ("cancelled", "One two ")


async def test_a_run_that_nobody_watched_yet_is_left_by_nobody(serve: "Serve") -> None:
    answer = Gated()
    async with asyncio.timeout(20), serve(answer.script) as serving:
        run_id = await serving.start(on_disconnect="cancel")
        await serving.model.wait_for_request(2)
        assert (await serving.client.get(f"/api/agent/runs/{run_id}")).json()["state"] == "running"
        answer.gate.set()
        assert await ended(serving, run_id) == ("answered", "One two three")


async def test_whoever_comes_back_in_time_keeps_the_run(serve: "Serve") -> None:
    answer = Gated()
    async with asyncio.timeout(20), serve(answer.script) as serving:
        run_id = await serving.start(on_disconnect="cancel_after:30")
        async with viewer(serving, run_id):
            pass
        async with viewer(serving, run_id):
            answer.gate.set()
            assert await ended(serving, run_id) == ("answered", "One two three")


async def test_who_polls_or_is_sent_away_by_the_server_has_not_left(serve: "Serve") -> None:
    answer = Gated()
    async with asyncio.timeout(20), serve(answer.script, max_response_s=0.2) as serving:
        run_id = await serving.start(on_disconnect="cancel")
        url = f"/api/agent/runs/{run_id}/events"
        await serving.model.wait_for_request(2)
        page = await serving.client.get(url, headers={"Accept": "application/json"})
        assert page.json()["done"] is False
        sent_away = await serving.client.get(url)
        assert (b": rejoin" in sent_away.content, b"interrupted" in sent_away.content) == (
            True,
            False,
        )
        answer.gate.set()
        assert await ended(serving, run_id) == ("answered", "One two three")


async def test_a_viewer_that_comes_back_stops_the_clock() -> None:
    called, later = list[str](), asyncio.Event()
    left, back = Attendance(0.01, lambda: called.append("left")), Attendance(0.01, later.set)
    for attendance in (left, back):
        attendance.enter()
        attendance.leave()
    left.enter()
    await later.wait()
    assert called == []


async def test_a_viewer_that_leaves_a_run_that_waits_for_its_user_ends_it_too(
    serve: "Serve",
) -> None:
    async with asyncio.timeout(20), serve(asks="Which?") as serving:
        run_id = await serving.start(
            "Do it like the other one", interactive=True, on_disconnect="cancel"
        )
        async with connection(serving, f"GET /api/agent/runs/{run_id}/events") as reader:
            await reader.readuntil(b"input_required")
            await serving.agent.passed(run_id)
        run = {"state": "waiting"}
        while run["state"] == "waiting":  # whoever waited for its end would be a viewer
            run = (await serving.client.get(f"/api/agent/runs/{run_id}")).json()
        assert run["state"] == "cancelled"


async def test_a_server_that_stops_is_no_viewer_that_leaves_and_the_next_keeps_the_rule(
    serve: "Serve",
) -> None:
    async with asyncio.timeout(20), serve(STALLS) as serving:
        run_id = await serving.start(on_disconnect="cancel")
        async with viewer(serving, run_id):
            await serving.agent.shut_down()
            kept = await serving.agent.parts.store.get_run(run_id, "")
    assert (kept.state.value, kept.outcome) == ("queued", None)
    async with asyncio.timeout(20), serve(STALLS) as serving:
        async with viewer(serving, run_id):
            pass
        outcome, _ = await ended(serving, run_id)  # it may have taken back the text by then
    assert outcome == "cancelled"


@pytest.mark.parametrize(
    "policy",
    [
        *("", "stop", "CANCEL", "cancel_after", "cancel_after:", "cancel_after:-1", 3),
        *(f"cancel_after:{seconds}" for seconds in ("x", "1e3", "inf", "3\n", "86401")),
    ],
)
async def test_another_word_is_refused(serving: "Serving", policy: object) -> None:
    for route in ("runs", "chat", "chat/stream"):
        answer = await serving.client.post(
            f"/api/agent/{route}", json={"query": "hello", "on_disconnect": policy}
        )
        assert answer.status_code == 422, answer.text
        assert "on_disconnect" in answer.text
    assert await serving.stored() == (0, 0, 0)
