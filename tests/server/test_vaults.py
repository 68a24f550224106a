"""Vaults: notes that are written over HTTP, and are documents; D38 of the seed."""

import asyncio
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from tailrace.server.serve import running
from tailrace.testing.agents import scripted_agent
from tailrace.testing.model_script import Reply, classify_as
from tailrace.wire.sse import SSEDecoder

if TYPE_CHECKING:
    from conftest import Serve, Serving

SEED_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}")
NOTE = {"title": "The mill race", "content": "# Gates\n\nThe sluice opens at dawn. ☂\n"}


async def write(serving: "Serving", **changes: Any) -> int:  # noqa: ANN401 - JSON
    """The id of a new note."""
    made = await serving.client.post("/api/vaults/create", json=NOTE | changes)
    assert made.status_code == 200, made.text
    return int(made.json()["doc_id"])


async def found(serving: "Serving", query: str) -> list[str]:
    """The titles of the documents that are found for `query`."""
    passages = await serving.agent.parts.context.search(query, owner="")
    return [passage.title for passage in passages]


async def test_a_note_is_written_read_changed_and_removed(serving: "Serving") -> None:
    body = NOTE | {"id": None, "summary": "When gates open", "tags": "mill, water"}
    made = (await serving.client.post("/api/vaults/create", json=body)).json()
    assert made == {
        "success": True,
        "message": "The note was created",
        "doc_id": 1,
        "table_name": "vaults",
        "context_processing": "triggered",
    }
    read = (await serving.client.get("/api/vaults/1")).json()
    created_at, updated_at = read["data"].pop("created_at"), read["data"].pop("updated_at")
    assert SEED_TIME.fullmatch(created_at)
    assert created_at == updated_at
    assert read == {
        "success": True,
        "data": {
            "id": 1,
            "title": "The mill race",
            "content": NOTE["content"],
            "summary": "When gates open",
            "tags": "mill, water",
            "document_type": "Note",
        },
    }
    changed = {"id": 99, "title": "The weir", "content": "It rains.", "tags": "weir"}
    saved = (await serving.client.post("/api/vaults/1", json=changed)).json()
    assert saved == made | {
        "message": "The note was saved",
        "context_processing": "reprocessing",
    }
    after = (await serving.client.get("/api/vaults/1")).json()["data"]
    assert after["updated_at"] > updated_at
    assert after == read["data"] | {
        "title": "The weir",
        "content": "It rains.",
        "tags": "weir",
        "created_at": created_at,
        "updated_at": after["updated_at"],
    }
    assert (await serving.client.delete("/api/vaults/1")).json() == {
        "success": True,
        "message": "The note was removed",
        "context_cleanup": "triggered",
    }
    assert (await serving.client.get("/api/vaults/1")).status_code == 404
    assert await serving.stored() == (0, 0, 0)


async def test_what_is_written_is_found_at_once_and_never_after(serving: "Serving") -> None:
    mid = await write(serving)
    assert await found(serving, "sluice") == ["The mill race"]
    assert await found(serving, "race") == ["The mill race"]  # by its title alone
    await serving.client.post(f"/api/vaults/{mid}", json={"title": "Weir", "content": "Rain."})
    assert await found(serving, "sluice race") == []
    assert await found(serving, "rain") == ["Weir"]
    await serving.client.delete(f"/api/vaults/{mid}")
    assert await found(serving, "rain weir") == []


async def test_a_note_is_a_source_of_answers_and_can_lie_open_beside_a_question(
    tmp_path: Path,
) -> None:
    answer = classify_as("qa_analysis", Reply(text="It opens at dawn."))
    async with (
        scripted_agent(tmp_path, answer, documents={}) as (agent, model),
        running(agent) as url,
        httpx2.AsyncClient(base_url=url, trust_env=False, timeout=20) as client,
    ):
        vault = (await client.post("/api/vaults/create", json=NOTE)).json()["doc_id"]
        for query, context in [
            ("When does the sluice open?", {}),
            ("What is this about?", {"document_id": str(vault)}),
        ]:
            body = {"query": query, "context": context}
            frames = await client.post("/api/agent/chat/stream?dialect=native", json=body)
            events = [json.loads(frame.data) for frame in SSEDecoder().feed(frames.content)]
            sources = [event["metadata"] for event in events if event["type"] == "source"]
            assert [(each["document_id"], each["title"]) for each in sources] == [
                (vault, "The mill race")
            ]
            told = model.requests[-1].chat.text
            assert "The sluice opens at dawn." in told


async def test_a_list_is_newest_first_and_counts_them_all(serving: "Serving") -> None:
    """D38: `total` was the length of the page."""
    for n in range(3):
        await write(serving, title=f"n{n}", summary="s" * (99 + n), content="☂" * n)
    await serving.client.post("/api/documents?name=a.md", content=b"no note")

    async def listed(query: str) -> dict[str, Any]:
        return dict((await serving.client.get(f"/api/vaults/list{query}")).json())

    whole = await listed("")
    assert (whole["success"], whole["total"]) == (True, 3)
    newest = whole["data"][0]
    assert SEED_TIME.fullmatch(newest.pop("created_at"))
    assert SEED_TIME.fullmatch(newest.pop("updated_at"))
    assert newest == {
        "id": 3,
        "title": "n2",
        "summary": "s" * 100 + "...",
        "document_type": "Note",
        "content_length": 2,
    }
    assert [each["summary"] for each in whole["data"][1:]] == ["s" * 100, "s" * 99]
    page = await listed("?limit=1&offset=1")
    assert (page["data"], page["total"]) == (whole["data"][1:2], 3)
    assert await listed("?offset=9") == {"success": True, "data": [], "total": 3}


async def test_any_note_can_be_read_not_the_newest_hundred_alone(serving: "Serving") -> None:
    """D38: the 101st was not found."""
    for n in range(102):
        await write(serving, title=f"n{n}", content="x")
    assert (await serving.client.get("/api/vaults/1")).json()["data"]["title"] == "n0"
    assert (await serving.client.get("/api/vaults/list?limit=1")).json()["total"] == 102


async def test_every_document_is_read_here_and_only_notes_are_changed(serving: "Serving") -> None:
    sent = await serving.client.post("/api/documents?name=a.md", content=b"# Uploaded\n\nText.")
    url = f"/api/vaults/{sent.json()['id']}"
    read = (await serving.client.get(url)).json()["data"]
    assert (read["title"], read["content"], read["document_type"], read["tags"]) == (
        "Uploaded",
        "# Uploaded\n\nText.",
        "markdown",
        None,
    )
    for refused in (
        await serving.client.post(url, json=NOTE),
        await serving.client.delete(url),
    ):
        assert refused.status_code == 409
        assert refused.json()["success"] is False
        assert "not written here" in refused.json()["error"]
    assert (await serving.client.get(url)).json()["data"] == read
    assert (await serving.client.get("/api/vaults/list")).json()["total"] == 0
    vault = await write(serving)
    assert (await serving.client.delete(f"/api/documents/{vault}")).status_code == 204


async def test_an_empty_note_without_a_title_is_kept(serving: "Serving") -> None:
    mid = await write(serving, title=" \n ", content="")
    read = (await serving.client.get(f"/api/vaults/{mid}")).json()["data"]
    assert (read["title"], read["content"]) == ("Untitled", "")
    context = (await serving.client.get(f"/api/vaults/{mid}/context")).json()
    assert (context["has_context"], context["total_chunks"]) == (False, 0)


async def test_the_context_of_a_note_is_its_passages(serving: "Serving") -> None:
    mid = await write(serving, content="\n\n".join(["A long paragraph. " * 50] * 3))
    context = (await serving.client.get(f"/api/vaults/{mid}/context")).json()
    read = (await serving.client.get(f"/api/vaults/{mid}")).json()["data"]
    del read["content"]
    assert context == {
        "success": True,
        "document_id": mid,
        "has_context": True,
        "total_chunks": 3,
        "document_info": read,
    }


async def test_two_notes_of_one_title_are_two(serving: "Serving") -> None:
    ids = {await write(serving) for _ in range(2)}
    assert len(ids) == 2
    assert await serving.stored() == (0, 0, 2)


async def test_a_note_that_was_removed_does_not_come_back(serving: "Serving") -> None:
    async with asyncio.timeout(20):
        for _ in range(5):
            mid = await write(serving)
            saves = [
                serving.client.post(f"/api/vaults/{mid}", json=NOTE | {"content": f"{n}"})
                for n in range(5)
            ]
            answers = await asyncio.gather(*saves, serving.client.delete(f"/api/vaults/{mid}"))
            assert {answer.status_code for answer in answers} <= {200, 404}
            assert answers[-1].status_code == 200
            assert await serving.stored() == (0, 0, 0)


async def test_what_is_not_there_or_has_no_form_says_so_in_the_vaults_shape(
    serving: "Serving",
) -> None:
    unknown = [
        ("GET", "/api/vaults/7", None),
        ("GET", "/api/vaults/7/context", None),
        ("POST", "/api/vaults/7", NOTE),
        ("DELETE", f"/api/vaults/{2**63 - 1}", None),
    ]
    malformed = [
        ("GET", "/api/vaults/x", None),
        ("GET", "/api/vaults/list?limit=0", None),
        ("POST", "/api/vaults/create", {"title": "x"}),
        ("POST", "/api/vaults/create", {"title": "x", "content": None}),
        ("POST", "/api/vaults/create", {"title": "x" * 1001, "content": ""}),
    ]
    for status, requests in ((404, unknown), (422, malformed)):
        for method, path, body in requests:
            answer = await serving.client.request(method, path, json=body)
            assert (answer.status_code, list(answer.json())) == (status, ["success", "error"])
            assert answer.json()["success"] is False
            assert answer.json()["error"]
    assert await serving.stored() == (0, 0, 0)


async def test_a_note_that_is_too_large_is_refused(serve: "Serve") -> None:
    async with serve(max_upload_bytes=1_000) as serving:
        mid = await write(serving)
        for path in ("create", str(mid)):
            large = await serving.client.post(
                f"/api/vaults/{path}", json=NOTE | {"content": "x" * 1_001}
            )
            assert (large.status_code, large.json()["success"]) == (413, False)
        kept = (await serving.client.get(f"/api/vaults/{mid}")).json()["data"]
        assert kept["content"] == NOTE["content"]


async def test_a_foreign_note_is_not_there(serve: "Serve") -> None:
    async with serve(api_keys="ann:k-ann, bob:k-bob") as serving:
        ann, bob = {"X-API-Key": "k-ann"}, {"X-API-Key": "k-bob"}
        made = await serving.client.post("/api/vaults/create", json=NOTE, headers=ann)
        url = f"/api/vaults/{made.json()['doc_id']}"
        for method, path in [("GET", ""), ("GET", "/context"), ("POST", ""), ("DELETE", "")]:
            foreign = await serving.client.request(method, url + path, json=NOTE, headers=bob)
            assert foreign.status_code == 404
        assert (await serving.client.get("/api/vaults/list", headers=bob)).json()["total"] == 0
        assert (await serving.client.get(url, headers=ann)).status_code == 200
        keyless = await serving.client.get(url)
        assert (keyless.status_code, list(keyless.json())) == (401, ["success", "error"])


@pytest.mark.parametrize("text", ["a\r\nb\rc", "\ufeffmark", "x\0y", "<script>alert(1)</script>"])
async def test_text_is_kept_as_it_is_but_for_its_line_ends(serving: "Serving", text: str) -> None:
    content = json.dumps(NOTE | {"content": text})
    headers = {"content-type": "application/json"}
    made = await serving.client.post("/api/vaults/create", content=content, headers=headers)
    read = await serving.client.get(f"/api/vaults/{made.json()['doc_id']}")
    kept = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")
    assert read.json()["data"]["content"] == kept
