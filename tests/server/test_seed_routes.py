"""What the seed's clients ask of a server besides chatting, each in its own shape."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tailrace.testing.model_script import Fault, Reply

if TYPE_CHECKING:
    from conftest import Serve, Serving

ANSWER = "One two three four."


async def test_a_trial_asks_the_model_and_disturbs_nothing(serving: "Serving") -> None:
    """D3: its events came out of the next stream."""
    cid = await serving.converse()
    tried = (await serving.client.get("/api/agent/test")).json()
    assert (tried["success"], bool(tried["message"])) == (True, True)
    assert tried["test_response"]["execution"]["outputs"] == [ANSWER]
    assert await serving.messages(cid) == []
    body = {"query": "hello", "conversation_id": cid}
    frames = (await serving.client.post("/api/agent/chat/stream", json=body)).text
    assert tried["test_response"]["workflow_id"] not in frames
    assert frames.count('"type":"stream_complete"') == 1
    assert [row["content"] for row in await serving.messages(cid)] == ["hello", ANSWER]


async def test_a_trial_that_fails_says_why_without_the_models_own_words(serve: "Serve") -> None:
    async with serve(Reply(fault=Fault.http_status(400)), model_retries=0) as serving:
        tried = await serving.client.get("/api/agent/test")
    assert (tried.status_code, list(tried.json())) == (200, ["success", "error"])
    assert tried.json()["success"] is False
    assert tried.json()["error"]
    assert "raw text" not in tried.text


async def test_an_image_on_another_sites_page_starts_no_trial(serving: "Serving") -> None:
    refused = await serving.client.get("/api/agent/test", headers={"Sec-Fetch-Site": "cross-site"})
    assert (refused.status_code, list(refused.json())) == (403, ["success", "error"])
    assert await serving.stored() == (0, 0, 0)
    for site in ("none", "same-origin"):
        tried = await serving.client.get("/api/agent/test", headers={"Sec-Fetch-Site": site})
        assert tried.json()["success"] is True


@pytest.mark.parametrize(("keys", "enabled"), [("", False), ("k1", True)])
async def test_anybody_may_ask_whether_a_key_is_needed(
    serve: "Serve", keys: str, *, enabled: bool
) -> None:
    async with serve(api_keys=keys) as serving:
        status = await serving.client.get("/api/auth/status")
        assert (status.status_code, status.json()) == (
            200,
            {"code": 0, "status": 200, "message": "success", "data": {"auth_enabled": enabled}},
        )
        assert (await serving.client.get("/health")).json()["data"] == {
            "status": "healthy",
            "service": "tailrace",
        }
        whole = (await serving.client.get("/api/health")).json()
        assert whole["data"]["components"] == {"storage": True, "llm": True}


async def test_a_key_is_tried_by_asking_for_the_kinds_of_context(serve: "Serve") -> None:
    async with serve(api_keys="k1") as serving:
        url = "/api/context_types"
        right = await serving.client.get(url, headers={"X-API-Key": "k1"})
        assert (right.status_code, right.json()) == (200, ["knowledge_context"])
        for headers in ({}, {"X-API-Key": "k2"}):
            wrong = await serving.client.get(url, headers=headers)
            assert (wrong.status_code, list(wrong.json())) == (401, ["detail"])
        assert (await serving.client.get(f"{url}?api_key=k1")).status_code == 401


async def test_a_path_or_an_address_is_refused_with_what_to_do_instead(
    serving: "Serving", tmp_path: Path
) -> None:
    file = tmp_path / "secret.md"
    file.write_text("secret")
    requests = [
        ("/api/documents/upload", {"file_path": str(file)}, 403),
        ("/api/weblinks/upload", {"url": "http://127.0.0.1/"}, 501),
    ]
    for path, body, status in requests:
        refused = await serving.client.post(path, json=body)
        assert refused.status_code == status
        answer = refused.json()
        assert (list(answer), answer["code"], answer["status"]) == (
            ["code", "status", "message"],
            status,
            status,
        )
        assert "POST /api/documents?name=" in answer["message"]
    assert await serving.stored() == (0, 0, 0)


async def test_state_and_cancel_say_that_a_workflow_is_unknown(serving: "Serving") -> None:
    unknown = {"success": False, "error": "Workflow not found"}
    for method, path in [("GET", "state"), ("DELETE", "cancel")]:
        for run_id in ("x", "01kb5x3v9m8q2w4e6r8t0y2u4j"):
            answer = await serving.client.request(method, f"/api/agent/{path}/{run_id}")
            assert (answer.status_code, answer.json()) == (200, unknown)


async def test_each_shape_of_error_is_its_routes_own(serve: "Serve") -> None:
    async with asyncio.timeout(20), serve(api_keys="k1") as serving:
        shapes = {
            "/api/agent/chat/conversations/list": ["detail"],
            "/api/agent/state/x": ["success", "error"],
            "/api/vaults/list": ["success", "error"],
            "/api/context_types": ["detail"],
            "/api/documents/upload": ["code", "status", "message"],
            "/api/documents": ["type", "title", "status", "detail", "code"],
            "/healthier": ["type", "title", "status", "detail", "code"],
        }
        for path, keys in shapes.items():
            refused = await serving.client.get(path)
            assert (refused.status_code, list(refused.json())) == (401, keys), path
