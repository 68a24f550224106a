"""`tailrace erase` and `tailrace runs prune`: asked first, done for good, with a server or not."""

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from tailrace.cli.durations import parse_duration
from tailrace.errors import InvalidRequestError
from tailrace.events.ending import content_sha256
from tailrace.testing.model_script import Reply, classify_as
from tailrace.testing.model_server import ScriptedModelServer

if TYPE_CHECKING:
    from .conftest import Tailrace

NEST = "the heron's nest"


def bytes_of(home: Path) -> bytes:
    """Everything in every file of the home."""
    return b"".join(file.read_bytes() for file in sorted(home.rglob("*")) if file.is_file())


async def run_ids(tailrace: "Tailrace") -> list[str]:
    listed = await tailrace("runs", "list", "--json")
    return [msgspec.json.decode(line)["run_id"] for line in listed.out.splitlines()]


async def test_a_run_is_pruned_and_erased_through_a_server(tailrace: "Tailrace") -> None:
    script = classify_as("simple_chat", Reply(text=f"It is {NEST}."))
    async with ScriptedModelServer(script) as model:
        tailrace.set(TAILRACE_LLM_URL=model.url, TAILRACE_LLM_MODEL="scripted")
        async with tailrace.serving():
            asked = await tailrace("ask", "What is it?")
            (run_id,) = await run_ids(tailrace)
            would = await tailrace("runs", "prune", "--older-than", "0s", "--dry-run")
            did = await tailrace("runs", "prune", "--older-than", "0s")
            shown = msgspec.json.decode((await tailrace("runs", "show", run_id, "--json")).out)
            assert NEST.encode() in bytes_of(tailrace.home)
            erased = await tailrace("erase", "--run", run_id, "--yes")
            assert NEST.encode() not in bytes_of(tailrace.home)
            everything = await tailrace("erase", "--yes")
    assert NEST in asked.out
    assert would.out.endswith("events of 1 runs would be let go of\n")
    assert did.out.endswith("events of 1 runs let go of\n")
    assert (shown["answer"], shown["outcome"]) == (f"It is {NEST}.", "answered")
    assert shown["content_sha256"] == content_sha256(shown["answer"])
    assert (shown["usage"]["source"], shown["error"]) == ("reported", None)
    assert (erased.code, erased.out) == (0, f"erased run {run_id}\n")
    assert (everything.code, "a server already runs" in everything.err) == (1, True)


async def test_everything_is_erased_but_what_is_not_ours(
    tailrace: "Tailrace", tmp_path: Path
) -> None:
    note = tmp_path / "note.md"
    note.write_text(f"Nobody has seen {NEST}.")
    await tailrace("docs", "add", str(note))
    copy = tailrace.home / "tailrace.schema-1.backup"
    copy.write_bytes((tailrace.home / "tailrace.db").read_bytes())
    (tailrace.home / "mine.txt").write_text("mine")
    assert NEST.encode() in bytes_of(tailrace.home)
    unasked = await tailrace("erase")
    done = await tailrace("erase", "--yes")
    assert (unasked.code, "say --yes" in unasked.err) == (2, True)
    assert (done.code, str(copy) in done.out) == (0, True)
    assert "mine.txt" in done.err
    assert sorted(each.name for each in tailrace.home.iterdir()) == ["lock", "mine.txt"]
    assert note.read_text() == f"Nobody has seen {NEST}."


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("7d", timedelta(days=7)),
        ("12h", timedelta(hours=12)),
        (" 2w ", timedelta(weeks=2)),
        ("90m", timedelta(minutes=90)),
        ("0s", timedelta(0)),
    ],
)
def test_a_duration_is_a_number_and_a_unit(text: str, length: timedelta) -> None:
    assert parse_duration(text) == length


@pytest.mark.parametrize("text", ["", "7", "d", "-1d", "1.5h", "soon", "999999w", "7d7d"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequestError, match="no duration"):
        parse_duration(text)
