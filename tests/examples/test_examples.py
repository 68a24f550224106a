"""The examples run as they stand, against real parts."""

import asyncio
import os
import re
import sys
from pathlib import Path

from tailrace.server.serve import running
from tailrace.settings import Settings
from tailrace.testing.agents import PLAN, scripted_agent
from tailrace.testing.model_script import Reply, classify_as

EXAMPLES = Path(__file__).parents[2] / "examples"
QUESTION = "What is the budget of the harbour plan?"


async def run(name: str, models: Path, *arguments: str) -> str:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("TAILRACE_")},
        "TAILRACE_MODELS_FOLDER": str(models),
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(EXAMPLES / name), *arguments),
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(45):
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode()


async def test_rejoining_gives_each_event_once(tmp_path: Path) -> None:
    script = classify_as("qa_analysis", Reply("The budget is 40,000 euros."))
    async with (
        scripted_agent(tmp_path, script, settings=Settings(port=0)) as (agent, _),
        running(agent) as url,
    ):
        printed = await run("rejoin.py", tmp_path, url, QUESTION)
    ids = [int(found) for found in re.findall(r"^1-([0-9]+) ", printed, re.MULTILINE)]
    assert ids == list(range(1, len(ids) + 1))
    assert "-- left after 1-3, and back again" in printed
    assert '"outcome":"answered"' in printed.splitlines()[-1]


async def test_hello_stream_answers_from_the_folder(tmp_path: Path) -> None:
    for name, text in PLAN.items():
        (tmp_path / name).write_text(text)
    printed = await run("hello_stream.py", tmp_path / "models", str(tmp_path), QUESTION)
    assert "[source: The harbour plan]" in printed
    assert "40,000 euros" in printed
    assert printed.rstrip().endswith("[answered]")
