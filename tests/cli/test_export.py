"""`tailrace export`: everything of mine, readable without Tailrace, and nothing secret."""

import sqlite3
from pathlib import Path

import msgspec
import pytest

from tailrace.cli.export_pages import file_name, settings_shown
from tailrace.cli.exporting import export
from tailrace.errors import ConflictError, NotFoundError
from tailrace.events.event import StreamEvent
from tailrace.settings import Settings
from tailrace.stores.registry import open_stores
from tailrace.testing.agents import PLAN, scripted_agent
from tailrace.testing.made_runs import AT, accepted_run
from tailrace.testing.trimming import LATER, ended_run


def tree(folder: Path) -> dict[str, str]:
    """Every file of the folder, by its path in it."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_text() for path in files}


async def test_all_that_is_mine_is_there_while_the_home_is_at_work(tmp_path: Path) -> None:
    home, folder = tmp_path / "home", tmp_path / "out"
    async with scripted_agent(home) as (agent, _):
        store = agent.parts.store
        mine = await store.create_conversation("", "home", {}, AT)
        log = await ended_run(store, ["The ", "plan."], conversation_id=mine.id)
        trimmed = await ended_run(store, ["Old."])
        theirs = await ended_run(store, ["Secret."], owner="ada")
        await store.trim(LATER, len(trimmed) + len(log))
        counts = await export(agent.parts.settings, folder, "")
    files = tree(folder)
    run_id, old_id = log[0].event.run_id, trimmed[0].event.run_id
    assert (counts.conversations, counts.runs, counts.documents) == (1, 2, len(PLAN))
    assert sorted(files) == sorted(
        [
            "README.md",
            "settings.json",
            "conversations/00001-What-is-in-the-plan.md",
            "conversations/00001-What-is-in-the-plan.json",
            *(f"runs/{each}.{kind}" for each in (run_id, old_id) for kind in ("json", "jsonl")),
            "documents/00001-harbour.md",
            "documents/00002-bread.txt",
            "documents/index.json",
        ]
    )
    assert files["documents/00001-harbour.md"] == PLAN["harbour.md"]
    page = files["conversations/00001-What-is-in-the-plan.md"]
    assert page.startswith("# What is in the plan?\n")
    assert "The plan." in page
    events = [StreamEvent.from_json_bytes(line.encode()) for line in _lines(files, old_id)]
    assert [(event.type.value, event.content) for event in events[:1]] == [("snapshot", "Old.")]
    assert events[-1] == trimmed[-1].event
    assert theirs[0].event.run_id not in str(files)
    assert "(conversations/00001-What-is-in-the-plan.md)" in files["README.md"]


def _lines(files: dict[str, str], run_id: str) -> list[str]:
    return files[f"runs/{run_id}.jsonl"].splitlines()


async def test_a_damaged_home_is_exported_as_far_as_it_can_be_read(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    store, _ = await open_stores(settings)
    log = await ended_run(store, ["good ", "bad"])
    await store.aclose()
    with sqlite3.connect(settings.home / "tailrace.db") as connection:
        connection.execute("UPDATE events SET checksum = 1 WHERE seq = 3")
    connection.close()
    counts = await export(settings, tmp_path / "out", "")
    files, run_id = tree(tmp_path / "out"), log[0].event.run_id
    assert counts.damaged == [run_id]
    assert _lines(files, run_id) == [each.data.decode() for each in log[:2]]
    assert f"- run {run_id}" in files["README.md"]


async def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    store, _ = await open_stores(settings)
    await accepted_run(store)
    await store.aclose()
    out = tmp_path / "out"
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("precious")
    with pytest.raises(ConflictError, match="already"):
        await export(settings, out, "")
    with pytest.raises(NotFoundError):
        await export(Settings(home=tmp_path / "none"), tmp_path / "new", "")
    assert tree(out) == {"mine": "precious"}


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("../../etc/passwd", "00007-etc-passwd.md"),
        ("", "00007.md"),
        ("...", "00007.md"),
        ("Größe & 长度: C:\\x\0y", "00007-Größe-长度-C-x-y.md"),
        ("x" * 500, f"00007-{'x' * 60}.md"),
    ],
)
def test_a_title_makes_no_path(title: str, name: str) -> None:
    assert file_name(7, title, ".md") == name


def test_no_key_is_written() -> None:
    settings = Settings(
        api_keys="ada:key-of-ada",
        llm_api_key="key-of-llm",
        llm_url="https://me:key-in-url@llm.example/v1?key=key-in-query",
    )
    shown = settings_shown(settings)
    assert "key-" not in msgspec.json.encode(shown).decode()
    assert shown["llm_url"] == "https://llm.example/v1"
    assert shown["max_live_runs"] == settings.max_live_runs
