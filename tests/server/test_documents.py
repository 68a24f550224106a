"""Documents over HTTP: upload, add from this machine, list, remove."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Serve, Serving


async def test_an_uploaded_document_is_listed_and_can_be_removed(serving: "Serving") -> None:
    sent = await serving.client.post("/api/documents?name=notes.md", content=b"# Notes\n\nText.")
    document = sent.json()
    assert (sent.status_code, document["source"], document["status"]) == (
        201,
        "notes.md",
        "searchable",
    )
    as_json = {"name": "more.txt", "content": "More text."}
    more = (await serving.client.post("/api/documents", json=as_json)).json()
    listed = (await serving.client.get("/api/documents")).json()
    assert listed == {"items": [document, more], "total": 2}
    page = (await serving.client.get("/api/documents?limit=1&offset=1")).json()
    assert page == {"items": [more], "total": 2}
    url = f"/api/documents/{document['id']}"
    assert (await serving.client.get(url)).json() == document
    assert (await serving.client.delete(url)).status_code == 204
    assert (await serving.client.get(url)).status_code == 404
    assert (await serving.client.delete(url)).status_code == 404


async def test_a_piece_of_a_documents_text_is_counted_in_code_points(serving: "Serving") -> None:
    text = "\U0001f30a the tide, " * 5_000
    sent = await serving.client.post("/api/documents?name=tide.txt", content=text.encode())
    url = f"/api/documents/{sent.json()['id']}/text"
    piece = (await serving.client.get(f"{url}?start=12&end=20")).json()
    assert piece == {
        "document_id": sent.json()["id"],
        "revision": 1,
        "stale": False,
        "title": "tide.txt",
        "start": 12,
        "end": 20,
        "total_chars": 60_000,
        "text": text[12:20],
    }
    for query, start, end in [
        ("", 0, 20_000),
        ("?start=30000", 30_000, 50_000),
        ("?start=59990&end=70000", 59_990, 60_000),
        ("?start=70000", 60_000, 60_000),
        ("?start=5&end=5", 5, 5),
    ]:
        piece = (await serving.client.get(url + query)).json()
        assert (piece["start"], piece["end"], piece["text"]) == (start, end, text[start:end])
    for query in ["start=-1", "end=x", "start=5&end=4", "start=5&end=20006"]:
        refused = await serving.client.get(f"{url}?{query}")
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid_request")
    assert "at most 20,000" in (await serving.client.get(f"{url}?end=20001")).json()["detail"]
    assert (await serving.client.get("/api/documents/99/text")).status_code == 404


async def test_the_same_name_again_is_the_next_revision(serving: "Serving") -> None:
    for revision in [1, 2]:
        sent = await serving.client.post("/api/documents?name=a.md", content=f"text {revision}")
        assert sent.json()["revision"] == revision


async def test_a_replaced_text_can_be_read_by_its_revision_and_is_stale(
    serving: "Serving",
) -> None:
    texts = [f"text {number}" for number in range(23)]
    for text in texts:
        await serving.client.post("/api/documents?name=a.md", content=text)
    listed = (await serving.client.get("/api/documents")).json()
    url = f"/api/documents/{listed['items'][0]['id']}/text"

    async def read(query: str) -> tuple[object, ...]:
        piece = (await serving.client.get(url + query)).json()
        return piece["revision"], piece["stale"], piece["text"], piece["total_chars"]

    assert await read("") == (23, False, "text 22", 7)
    assert await read("?revision=23&start=5") == (23, False, "22", 7)
    assert await read("?revision=4&start=0&end=4") == (4, True, "text", 6)
    gone = await serving.client.get(f"{url}?revision=1")
    assert (gone.status_code, gone.json()["code"]) == (410, "history_trimmed")
    assert "not kept any more" in gone.json()["detail"]
    assert (await serving.client.get(f"{url}?revision=24")).status_code == 404


async def test_what_cannot_be_read_is_refused_with_its_reason(serve: "Serve") -> None:
    async with serve(max_upload_bytes=1_000) as serving:
        for name, content, status in [
            ("a.md", b"x" * 1_001, 413),
            ("a.png", b"\x89PNG\r\n\x1a\n\x00", 422),
            ("", b"text", 422),
            ("x" * 1_025, b"text", 422),
        ]:
            response = await serving.client.post(
                "/api/documents", params={"name": name}, content=content
            )
            assert (response.status_code, bool(response.json()["detail"])) == (status, True)
        for content in [b"", b"plain", b"[]", b'{"name": "a.md"}']:
            response = await serving.client.post("/api/documents", content=content)
            assert response.status_code == 422
            assert "?name=" in response.json()["detail"]
        assert await serving.stored() == (0, 0, 0)


async def test_a_folder_of_this_machine_asks_for_the_homes_token(
    serve: "Serve", tmp_path: Path
) -> None:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "one.md").write_text("# One\n\nText.")
    (folder / "two.bin").write_bytes(b"\0\1\2")
    body = {"path": str(folder)}
    async with serve(api_keys="k1") as serving:
        refused = await serving.client.post(
            "/api/documents/paths", json=body, headers={"X-API-Key": "k1"}
        )
        assert (refused.status_code, refused.json()["code"]) == (401, "unauthorized")
        assert await serving.stored() == (0, 0, 0)
        home = {"Authorization": f"Bearer {serving.agent.home.token}"}
        added = (await serving.client.post("/api/documents/paths", json=body, headers=home)).json()
        assert (added["added"], added["failed"]) == (1, [])
        assert [Path(each["source"]).name for each in added["skipped"]] == ["two.bin"]
        listed = (await serving.client.get("/api/documents", headers=home)).json()
        states = {Path(item["source"]).name: item["status"] for item in listed["items"]}
        assert states["one.md"] == "searchable"
        url = f"/api/documents/paths?path={folder}"
        kept = await serving.client.delete(url, headers={"X-API-Key": "k1"})
        forgotten = await serving.client.delete(url, headers=home)
        unknown = await serving.client.delete(url, headers=home)
        assert (kept.status_code, forgotten.json()) == (401, {"removed": 2})
        assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")
        assert await serving.stored() == (0, 0, 0)


@pytest.mark.parametrize(
    ("path", "status"), [("relative", 422), ("", 422), ("/no/such/place", 404), ("/a\0b", 422)]
)
async def test_a_path_that_cannot_be_added_says_why(
    serving: "Serving", path: str, status: int
) -> None:
    home = {"Authorization": f"Bearer {serving.agent.home.token}"}
    response = await serving.client.post("/api/documents/paths", json={"path": path}, headers=home)
    assert (response.status_code, bool(response.json()["detail"])) == (status, True)
