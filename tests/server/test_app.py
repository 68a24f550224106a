"""The application as a whole: what it says of itself, and how it lives in another one."""

from typing import TYPE_CHECKING, Any

import httpx2
from fastapi import FastAPI

from tailrace.errors import ErrorCode
from tailrace.server.app import create_app
from tailrace.server.problems import STATUS

if TYPE_CHECKING:
    from conftest import Serving

METHODS = {"get", "post", "put", "patch", "delete"}


async def test_every_route_describes_itself(serving: "Serving") -> None:
    document = (await serving.client.get("/openapi.json")).json()
    operations: list[dict[str, Any]] = [
        operation
        for path in document["paths"].values()
        for method, operation in path.items()
        if method in METHODS
    ]
    assert len(operations) >= 21
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    for operation in operations:
        assert operation["summary"]
        assert operation["description"]
        assert "Raises:" not in operation["description"]
        assert operation["tags"]
    assert document == create_app(serving.agent).openapi()


def test_every_code_has_its_status() -> None:
    assert set(STATUS) == set(ErrorCode)


async def test_health_names_the_model(serving: "Serving") -> None:
    health = (await serving.client.get("/healthz")).json()
    assert (health["status"], health["model"]["name"]) == ("ok", "scripted")
    assert (await serving.client.get("/readyz")).json() == {"status": "ready"}


async def test_it_works_mounted_in_an_application_of_ones_own(serving: "Serving") -> None:
    outer = FastAPI()
    outer.mount("/tail", create_app(serving.agent))
    transport = httpx2.ASGITransport(app=outer)
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
        started = await client.post("/tail/api/agent/runs", json={"query": "hello"})
        assert started.headers["location"] == f"/tail/api/agent/runs/{started.json()['run_id']}"
        watched = await client.get(started.headers["location"] + "/events")
        assert b"stream_complete" in watched.content
        refused = await client.post("/tail/api/agent/chat", json={})
        assert (refused.status_code, list(refused.json())) == (422, ["detail"])
        foreign = await client.get("/tail/healthz", headers={"Host": "evil.example"})
        assert foreign.status_code == 403
