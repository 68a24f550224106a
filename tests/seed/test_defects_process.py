"""D25 and D26: one process for one home, and a key that both old clients' ways leave usable."""

import asyncio
import os
import re
import sys
from asyncio.subprocess import DEVNULL, PIPE

import httpx2
import pytest

from tailrace.testing.model_script import Fault, Reply

from .client import DesktopClient
from .screens import said
from .served import CHAT, Serve, knowing

KEYS = {"api_keys": "ada:key-of-ada, bob:key-of-bob"}
ADA = {"x-api-key": "key-of-ada"}
OPEN = {"/", "/plain", "/static/{name}", "/healthz", "/health", "/api/health", "/api/auth/status"}


async def second_server(home: str, *options: str) -> tuple[int | None, str]:
    """How another server on the same home ends, and what it says."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("TAILRACE_")},
        "TAILRACE_HOME": home,
        "COLUMNS": "500",
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tailrace", "serve", "--port", "0", *options),
        env=environment,
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
    )
    try:
        out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert out == b""
    return process.returncode, err.decode()


async def test_d25_a_second_process_cannot_have_the_home_and_is_told_who_has_it(
    serve: "Serve",
) -> None:
    reply = Reply(chunks=["One ", "two"], fault=Fault.stall(1))
    script = knowing({"Count": (CHAT, reply)})
    async with asyncio.timeout(30), serve(script) as (agent, model, http):
        agent.home.announce(str(http.base_url))
        code, told = await second_server(str(agent.home.folder))
        assert code not in {0, None}
        (url,) = re.findall(r"http://[\d.]+:\d+", told)
        async with asyncio.TaskGroup() as tasks:
            client = DesktopClient(http)
            tasks.create_task(client.send("Count"))
            await client.until(lambda: client.screen.bubble == "One ")
            async with httpx2.AsyncClient(base_url=url, trust_env=False) as another:
                path = f"/api/agent/chat/messages/{client.screen.message_id}/interrupt"
                await another.post(path)
            await model.requests[-1].disconnected.wait()
        assert said(client.screen.messages) == [("user", "Count"), ("assistant", "One ")]


async def test_d25_there_is_no_way_to_ask_for_more_workers(serve: "Serve") -> None:
    async with asyncio.timeout(30), serve(Reply()) as (agent, _, _):
        code, told = await second_server(str(agent.home.folder), "--workers", "2")
        assert (code, "--workers" in told) == (2, True)


async def test_d26_every_route_asks_for_the_key_and_takes_it_from_a_header_alone(
    serve: "Serve",
) -> None:
    async with asyncio.timeout(30), serve(Reply(), **KEYS) as (agent, model, http):
        described = (await http.get("/openapi.json", headers=ADA)).json()["paths"]
        routes = [
            (method, re.sub(r"\{[^}]*\}", "1", path))
            for path, methods in described.items()
            for method in methods
            if path not in OPEN
        ]
        assert {"/api/vaults/list", "/api/agent/chat/stream"} <= {path for _, path in routes}
        for method, path in routes:
            for query in ({}, {"api_key": "key-of-ada"}):
                answer = await http.request(method, path, params=query)
                assert (method, path, answer.status_code) == (method, path, 401)
        assert len(await agent.parts.store.list_runs("", 10, None)) == 0
        assert model.requests == []


@pytest.mark.parametrize(
    "path", ["/api/vaults/list", "/api/agent/chat/conversations/list", "/api/context_types"]
)
async def test_d26_a_page_that_has_a_key_gets_on_with_it_everywhere(
    serve: "Serve", path: str
) -> None:
    async with asyncio.timeout(30), serve(Reply(), **KEYS) as (_, _, http):
        for headers in (ADA, {"authorization": "Bearer key-of-ada"}):
            assert (await http.get(path, headers=headers)).status_code == 200


async def test_d26_the_page_and_whether_a_key_is_asked_for_need_none(serve: "Serve") -> None:
    async with asyncio.timeout(30), serve(Reply(), **KEYS) as (_, _, http):
        status = (await http.get("/api/auth/status")).json()
        assert status["data"] == {"auth_enabled": True}
        page = await http.get("/")
        assert (page.status_code, page.headers["content-type"][:9]) == (200, "text/html")
        files = re.findall(r'(?:src|href)="(static/[^"]+)"', page.text)
        assert files
        answers = [await http.get(f"/{file}") for file in files]
        assert {answer.status_code for answer in answers} == {200}
