"""Documents of a home that a server has: added over HTTP, told of, watched from then on."""

import signal
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2
import msgspec
import pytest

from tailrace.agent.home import holder
from tailrace.testing.model_script import Reply
from tailrace.testing.model_server import ScriptedModelServer

if TYPE_CHECKING:
    from conftest import Tailrace

pytestmark = pytest.mark.timeout(180)  # each of many commands takes a second of a slow machine


async def test_a_folder_added_to_a_server_is_told_of_and_watched(
    tailrace: "Tailrace", documents: Path
) -> None:
    async with ScriptedModelServer(Reply()) as model:
        tailrace.set(TAILRACE_LLM_URL=model.url)
        async with tailrace.serving():
            added = await tailrace("docs", "add", str(documents))
            (documents / "late.md").write_text("# Late\n\nA text that was saved later.")
            skipped = await tailrace("docs", "list", "--status", "skipped", "--json")
            found = await tailrace("docs", "status", "--json")
            checked = await tailrace("doctor")
            listed = await tailrace("docs", "list", "--json")
            refused = await tailrace("docs", "add", "http://127.0.0.1/page")
    assert (added.code, "1 added" in added.err, "1 skipped" in added.err) == (0, True, True)
    assert msgspec.json.decode(skipped.out)["reason"]
    counts = msgspec.json.decode(found.out)
    assert counts["skipped"] == 1
    assert "1 watched" in counts["folders"]
    assert "✓ Folders" in checked.out
    titles = {msgspec.json.decode(line)["title"] for line in listed.out.splitlines()}
    assert "Late" in titles  # watched, not added again
    assert (refused.code, "TAILRACE_WEB_ALLOW_PRIVATE" in refused.err) == (1, True)


async def test_ctrl_c_stops_a_scan_and_keeps_what_it_has_read(
    tailrace: "Tailrace", tmp_path: Path
) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(3_000):
        (folder / f"{number:04}.md").write_text(f"# Note {number}\n\n" + "Words of it. " * 40)
    async with ScriptedModelServer(Reply()) as model:
        tailrace.set(TAILRACE_LLM_URL=model.url)
        async with tailrace.serving():
            held = holder(tailrace.home)
            assert held is not None
            process = await tailrace.start("docs", "add", str(folder))
            headers = {"Authorization": f"Bearer {held.token}"}
            async with httpx2.AsyncClient(base_url=held.url, headers=headers) as client:
                while True:  # each look takes as long as the server does
                    runs = (await client.get("/api/agent/runs?kind=ingest")).json()["items"]
                    if runs and runs[0]["last_seq"] > 3:
                        break
            process.send_signal(signal.SIGINT)
            stopped = await tailrace.ended(process)
            left = msgspec.json.decode((await tailrace("docs", "status", "--json")).out)
    assert stopped.code == 130
    assert "Stopped: what was read can be searched; the rest was not read." in stopped.err
    assert 0 < left["searchable"] < 3_000
