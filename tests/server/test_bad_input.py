"""Bad input: a 4xx that says what to do, nothing stored, nothing that hangs."""

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Serving

JSON = {"content-type": "application/json"}
ROUTES = ["/api/agent/chat/stream", "/api/agent/chat", "/api/agent/runs"]

BAD: dict[str, dict[str, Any]] = {
    "nothing": {},
    "not json": {"content": b"hello", "headers": JSON},
    "no content type": {"content": b'{"query": "x"}'},
    "a form": {"data": {"query": "x"}},
    "an array": {"json": []},
    "null": {"json": None, "content": b"null", "headers": JSON},
    "a number": {"content": b"5", "headers": JSON},
    "no query": {"json": {"context": {}}},
    "a null query": {"json": {"query": None}},
    "a query of another type": {"json": {"query": ["x"]}},
    "an empty query": {"json": {"query": ""}},
    "a blank query": {"json": {"query": " \n\t"}},
    "an enormous query": {"json": {"query": "x" * 40_000}},
    "an enormous body": {"json": {"query": "x", "other": "y" * (2 * 1024 * 1024)}},
    "half a surrogate pair": {"content": b'{"query": "\\ud800"}', "headers": JSON},
    "bytes that are no text": {"content": b'{"query": "\xff"}', "headers": JSON},
    "deep nesting": {"content": b"[" * 500_000, "headers": JSON},
    "history of another type": {"json": {"query": "x", "context": {"chat_history": "x"}}},
    "a turn without content": {
        "json": {"query": "x", "context": {"chat_history": [{"role": "user"}]}}
    },
    "a turn without role": {
        "json": {"query": "x", "context": {"chat_history": [{"content": "x"}]}}
    },
    "a turn of the system": {
        "json": {"query": "x", "context": {"chat_history": [{"role": "system", "content": "x"}]}}
    },
    "context of another type": {"json": {"query": "x", "context": "x"}},
    "a document id that is none": {"json": {"query": "x", "context": {"document_id": "x"}}},
    "an unknown conversation": {"json": {"query": "x", "conversation_id": 77}},
    "an id that is none": {"json": {"query": "x", "conversation_id": "x"}},
    "an enormous id": {"json": {"query": "x", "conversation_id": 10**30}},
    "5,000 digits": {
        "content": b'{"query": "x", "conversation_id": ' + b"9" * 5000 + b"}",
        "headers": JSON,
    },
    "an enormous session": {"json": {"query": "x", "session_id": "x" * 5_000}},
}


@pytest.mark.parametrize("kind", BAD)
async def test_bad_input_is_refused_and_leaves_nothing(serving: "Serving", kind: str) -> None:
    sent = {key: value for key, value in BAD[kind].items() if key != "json" or value is not None}
    for route in ROUTES:
        response = await serving.client.post(route, **sent)
        assert 400 <= response.status_code < 500, response.text
        assert response.json()["detail"]
        assert len(response.content) < 2_000
        if route == "/api/agent/runs":
            assert response.headers["content-type"] == "application/problem+json"
            assert {"type", "title", "status", "detail", "code"} <= set(response.json())
        else:
            assert list(response.json()) == ["detail"]
    assert await serving.stored() == (0, 0, 0)
    assert (await serving.client.get("/healthz")).status_code == 200


@pytest.mark.parametrize("key", ["", "x" * 201])
async def test_an_idempotency_key_has_a_length(serving: "Serving", key: str) -> None:
    response = await serving.client.post(
        "/api/agent/runs", json={"query": "x"}, headers={"Idempotency-Key": key}
    )
    assert response.status_code == 422
    assert await serving.stored() == (0, 0, 0)


async def test_an_unknown_route_or_method_says_so(serving: "Serving") -> None:
    response = await serving.client.get("/api/nothing")
    assert (response.status_code, response.json()["code"]) == (404, "not_found")
    response = await serving.client.put("/api/agent/runs")
    assert (response.status_code, "allow" in response.headers) == (405, True)
    response = await serving.client.get("/api/agent/chat/stream")
    assert (response.status_code, list(response.json())) == (405, ["detail"])


async def test_a_body_without_a_length_is_bounded_too(serving: "Serving") -> None:
    async def endless() -> AsyncGenerator[bytes, None]:
        for _ in range(40):
            yield b"x" * 65_536

    response = await serving.client.post("/api/agent/runs", content=endless(), headers=JSON)
    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")
