"""The examples run as they stand, against real parts."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2

from tailrace.agent import ContextAgent
from tailrace.server.serve import running
from tailrace.settings import Settings
from tailrace.testing.agents import PLAN, scripted_agent
from tailrace.testing.model_script import Reply, classify_as
from tailrace.testing.model_server import ScriptedModelServer

EXAMPLES = Path(__file__).parents[2] / "examples"
QUESTION = "What is the budget of the harbour plan?"


def environment(models: Path) -> dict[str, str]:
    inherited = {key: text for key, text in os.environ.items() if not key.startswith("TAILRACE_")}
    home = models.parent / "home"
    return {**inherited, "TAILRACE_HOME": str(home), "TAILRACE_MODELS_FOLDER": str(models)}


async def run(name: str, models: Path, *arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(EXAMPLES / name), *arguments),
        env=environment(models),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(45):
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode()


@asynccontextmanager
async def served_by_uvicorn(app: str, models: Path) -> AsyncGenerator[str, None]:
    """The URL of an example that is an application, which ends in order on the way out."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "uvicorn", "--app-dir", str(EXAMPLES), "--port", "0", app),
        env=environment(models),
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    try:
        async with asyncio.timeout(45):
            while not (found := re.search(rb"running on (\S+)", await process.stderr.readline())):
                assert not process.stderr.at_eof()
        yield found[1].decode()
        process.terminate()
        async with asyncio.timeout(45):
            said = await process.stderr.read()
        assert b"Application shutdown complete" in said
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


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


async def test_following_from_python_prints_the_answer_and_its_end(tmp_path: Path) -> None:
    script = classify_as("qa_analysis", Reply("The budget is 40,000 euros."))
    async with (
        scripted_agent(tmp_path, script, settings=Settings(port=0)) as (agent, _),
        running(agent) as url,
    ):
        printed = await run("follow_from_python.py", tmp_path, url, QUESTION)
    assert re.fullmatch(r"The budget is 40,000 euros\.\n\[\w+: answered\]\n", printed)


async def test_hello_stream_answers_from_the_folder(tmp_path: Path) -> None:
    for name, text in PLAN.items():
        (tmp_path / name).write_text(text)
    printed = await run("hello_stream.py", tmp_path / "models", str(tmp_path), QUESTION)
    assert "[source: The harbour plan]" in printed
    assert "40,000 euros" in printed
    assert printed.rstrip().endswith("[answered]")


async def test_a_node_of_ones_own_takes_the_place_of_ours(tmp_path: Path) -> None:
    models = tmp_path / "models"
    async with ContextAgent.open(Settings(home=tmp_path / "home", models_folder=models)) as agent:
        for name, text in PLAN.items():
            await agent.parts.ingest.add_text(name, text)
    printed = await run("own_node.py", models, QUESTION)
    assert "stream_chunk - The harbour plan, from character 0 on\n" in printed
    assert "done Listed\nstream_complete" in printed


async def test_a_server_of_ones_own_has_that_node(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(EXAMPLES / "serve_own_node.py")),
        env=environment(tmp_path / "models") | {"TAILRACE_PORT": "0"},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(45), httpx2.AsyncClient(timeout=30) as client:
            url = (await process.stdout.readline()).decode().strip()
            question = {"query": "How often is the boiler serviced?"}  # there is a sample about it
            answer = await client.post(f"{url}/api/agent/chat", json=question)
            process.terminate()
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
    assert ", from character " in answer.json()["execution"]["outputs"][0]["content"]


async def test_the_test_of_ones_own_node_passes(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pytest", "-q", "test_own_node.py"),
        cwd=EXAMPLES,
        env=environment(tmp_path / "models"),
        stdout=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(45):
        out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
    assert out.decode().splitlines()[-1].startswith("1 passed")


async def test_a_model_of_ones_own_writes_the_answer(tmp_path: Path) -> None:
    for name, text in PLAN.items():
        (tmp_path / name).write_text(text)
    script = classify_as("qa_analysis", Reply("It is 40,000 euros."))
    async with ScriptedModelServer(script) as model:
        address = model.url.removesuffix("/v1")
        arguments = (address, "of-ones-own", str(tmp_path), QUESTION)
        printed = await run("own_endpoint.py", tmp_path / "models", *arguments)
    assert printed.startswith("It is 40,000 euros.\n[answered: {")
    asked = [request.chat.body["model"] for request in model.requests]
    assert asked == ["of-ones-own"] * 3  # what is meant, what is missing, the answer


async def test_an_application_of_ones_own_serves_tailrace_below_a_path(tmp_path: Path) -> None:
    asking = {"query": QUESTION}
    async with (
        served_by_uvicorn("embed_in_fastapi:app", tmp_path / "models") as url,
        httpx2.AsyncClient(base_url=url, timeout=30) as client,
    ):
        hello = await client.get("/hello")
        health = await client.get("/tailrace/healthz")
        started = await client.post("/tailrace/api/agent/runs", json=asking)
        events = await client.get(f"{started.headers['location']}/events")
    assert hello.json() == {"hello": "world"}
    assert health.json()["status"] == "ok"
    assert '"outcome":"insufficient_context"' in events.text.strip().splitlines()[-1]


def test_every_example_fits_on_a_screen() -> None:
    lengths = {path.name: len(path.read_text().splitlines()) for path in EXAMPLES.glob("*.py")}
    assert {name: length for name, length in lengths.items() if length >= 40} == {}
