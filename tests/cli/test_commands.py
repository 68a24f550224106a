"""docs, models, doctor, and the command itself."""

import socket
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from tailrace.testing.model_script import Reply
from tailrace.testing.model_server import ScriptedModelServer

if TYPE_CHECKING:
    from conftest import Tailrace


async def test_documents_are_added_listed_and_removed(
    tailrace: "Tailrace", documents: Path
) -> None:
    added = await tailrace("docs", "add", str(documents))
    again = await tailrace("docs", "add", str(documents))
    listed = await tailrace("docs", "list", "--json")
    found = [msgspec.json.decode(line) for line in listed.out.splitlines()]
    by_id = await tailrace("docs", "remove", str(found[0]["id"]))
    by_path = await tailrace("docs", "remove", str(documents))
    empty = await tailrace("docs", "list")
    assert [done.code for done in (added, again, listed, by_id, by_path)] == [0] * 5
    assert "Documents: 1 added" in added.err
    assert "Documents: 1 unchanged" in again.err
    assert sorted((each["status"], Path(each["source"]).name) for each in found) == [
        ("searchable", "hours.md"),
        ("skipped", "engine.bin"),
    ]
    assert (by_path.out, empty.out) == ("1 removed\n", "")


async def test_what_is_not_there_is_neither_added_nor_removed(
    tailrace: "Tailrace", tmp_path: Path
) -> None:
    missing = str(tmp_path / "missing")
    for command in ("add", "remove"):
        done = await tailrace("docs", command, missing)
        assert (done.code, done.out) == (1, "")
        assert done.err.startswith("error: ")
        assert "missing" in done.err


async def test_a_healthy_installation_passes_its_checks(tailrace: "Tailrace") -> None:
    async with ScriptedModelServer(Reply()) as model:
        tailrace.set(TAILRACE_LLM_URL=model.url)
        await tailrace("docs", "list")
        done = await tailrace("doctor")
    assert done.code == 0
    assert "✗" not in done.out
    assert "full-text search" in done.out


async def test_a_broken_installation_is_told_with_what_to_do(tailrace: "Tailrace") -> None:
    tailrace.home.mkdir()
    (tailrace.home / "tailrace.db").write_bytes(b"no database at all" * 500)
    tailrace.set(TAILRACE_LLM_URL="http://127.0.0.1:9/v1")
    done = await tailrace("doctor")
    assert done.code == 1
    assert "✗ Database" in done.out
    assert "✗ Model     http://127.0.0.1:9/v1 does not answer" in done.out
    assert "→ start it, or correct TAILRACE_LLM_URL" in done.out


async def test_a_model_of_ones_own_that_is_no_model_is_refused(
    tailrace: "Tailrace", tmp_path: Path
) -> None:
    own = tmp_path / "My Model.gguf"
    own.write_bytes(b"GGUF it is not" * 100)
    done = await tailrace("models", "pull", "--file", str(own))
    removed = await tailrace("models", "remove", "my-model")
    assert done.code in {1, 2}
    assert "name     my-model" in done.err
    assert done.err.splitlines()[-1].startswith("error: ")
    assert removed.code == 1


async def test_a_model_is_only_fetched_if_needed(tailrace: "Tailrace") -> None:
    tailrace.set(TAILRACE_LLM_URL="http://127.0.0.1:9/v1")
    done = await tailrace("models", "pull", "--if-needed")
    assert (done.code, done.out, done.err) == (0, "", "")


async def test_models_that_can_be_fetched_are_listed(tailrace: "Tailrace") -> None:
    done = await tailrace("models", "list", "--json")
    cards = [msgspec.json.decode(line) for line in done.out.splitlines()]
    assert {card["name"]: card["installed"] for card in cards} == {
        "qwen2.5-coder-1.5b": False,
        "tiny": False,
    }


async def test_a_port_that_is_taken_is_one_line(tailrace: "Tailrace") -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = await tailrace("serve", "--port", str(taken.getsockname()[1]))
    assert done.code == 1
    assert "is in use already" in done.err
    assert "Traceback" not in done.err


async def test_a_server_says_where_it_is_and_what_it_has(tailrace: "Tailrace") -> None:
    tailrace.set(TAILRACE_LLM_URL="http://127.0.0.1:9/v1")
    async with tailrace.serving() as server:
        assert server.stdout is not None
        lines = [(await server.stdout.readline()).decode() for _ in range(4)]
    assert [line.split()[0] for line in lines] == ["Tailrace", "home", "model", "documents"]
    assert lines[0].split()[1].startswith("http://127.0.0.1:")
    assert lines[1].split()[1] == str(tailrace.home)


async def test_help_names_every_command_and_every_exit_code(tailrace: "Tailrace") -> None:
    done = await tailrace("--help")
    version = await tailrace("--version")
    assert done.code == 0
    for word in ("ask", "serve", "docs", "models", "runs", "doctor", "130 cancelled"):
        assert word in " ".join(done.out.split())
    assert version.out.startswith("tailrace ")


async def test_an_unusable_setting_is_wrong_usage(tailrace: "Tailrace") -> None:
    tailrace.set(TAILRACE_PORT="many")
    done = await tailrace("docs", "list")
    assert done.code == 2
    assert "TAILRACE_PORT='many' cannot be used" in done.err
