"""Reading documents in over HTTP: started, followed, counted; what asks for the home's token."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Serve, Serving

URL = "/api/documents/ingestions"


def token(serving: "Serving") -> dict[str, str]:
    return {"Authorization": f"Bearer {serving.agent.home.token}"}


async def ingested(serving: "Serving", **body: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """The run, once it has ended."""
    started = await serving.client.post(URL, json=body, headers=token(serving))
    assert started.status_code == 202, started.text
    where = started.headers["location"]
    assert where == f"/api/agent/runs/{started.json()['run_id']}"
    await serving.watch(started.json()["run_id"])
    return dict((await serving.client.get(where)).json())


async def test_a_folder_is_read_as_a_run_that_any_client_can_watch(
    serving: "Serving", tmp_path: Path
) -> None:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "one.md").write_text("# One\n\nText.")
    (folder / "two.xyz").write_bytes(b"\0\1\2")
    run = await ingested(serving, path=str(folder), until="searchable")
    assert (run["kind"], run["state"], run["outcome"]) == ("ingest", "completed", "answered")
    (folder / "one.md").write_text("# One\n\nAnother text.")
    again = await ingested(serving, rescan=True, until="searchable")
    assert again["text"] == "Documents: 1 updated, 1 skipped."
    coverage = (await serving.client.get("/api/documents/coverage")).json()
    counts = {"documents": 2, "searchable": 1, "embedded": 0, "skipped": 1, "failed": 0}
    assert {name: coverage[name] for name in counts} == counts
    runs = "/api/agent/runs"
    listed = {
        kind: len((await serving.client.get(f"{runs}?kind={kind}")).json()["items"])
        for kind in ("chat", "ingest", "all")
    }
    assert listed == {"chat": 0, "ingest": 2, "all": 2}
    assert (await serving.client.get(runs)).json() == {"items": []}


async def test_only_the_homes_user_has_files_read(serve: "Serve", tmp_path: Path) -> None:
    async with serve(api_keys="k1") as serving:
        for body in ({"path": str(tmp_path)}, {"rescan": True}):
            refused = await serving.client.post(URL, json=body, headers={"X-API-Key": "k1"})
            assert (refused.status_code, refused.json()["code"]) == (401, "unauthorized")
        assert await serving.stored() == (0, 0, 0)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"rescan": False}, 422),
        ({"path": "/a", "rescan": True}, 422),
        ({"path": "relative"}, 422),
        ({"path": "/no/such/place"}, 404),
        ({"url": "ftp://example.com/"}, 422),
        ({"url": "https://user:secret@example.com/"}, 422),
        ({"url": "https://example.com:22/"}, 422),
        ({"url": "not an address"}, 422),
    ],
)
async def test_what_cannot_be_read_is_refused_before_there_is_a_run(
    serving: "Serving", body: dict[str, Any], status: int
) -> None:
    refused = await serving.client.post(URL, json=body, headers=token(serving))
    assert (refused.status_code, bool(refused.json()["detail"])) == (status, True)
    assert await serving.stored() == (0, 0, 0)
