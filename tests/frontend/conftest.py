"""What the tests of the client library are given: a real server, and a model that knows its lines.

Rule 1: the model goes by the question it is told last, and by how often that was asked.
"""

import asyncio
import shutil
import sys
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from tailrace.agent import ContextAgent
from tailrace.server.serve import running
from tailrace.settings import Settings
from tailrace.testing.agents import scripted_agent
from tailrace.testing.model_script import ChatRequest, Reply, Script, classify_as, script_player

Lines = Mapping[str, tuple[str, Sequence[Reply]]]
"""By question: the intent it has, and the answers it gets, one after the other."""


class Served(NamedTuple):
    """A server that runs, and where."""

    agent: ContextAgent
    url: str


Serve = Callable[..., AbstractAsyncContextManager[Served]]


def knowing(lines: Lines) -> Script:
    """A model that knows `lines`, and nothing else."""
    players = {question: script_player(replies) for question, (_, replies) in lines.items()}

    def choose(request: ChatRequest) -> Reply:
        question = max(lines, key=request.text.rfind)
        intent = lines[question][0]
        if request.schema is not None:
            return script_player(classify_as(intent))(request)
        return players[question](request)

    return choose


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    """Makes a server: `serve(lines, **settings)`."""

    @asynccontextmanager
    async def make(
        lines: Lines,
        **overrides: Any,  # noqa: ANN401 - whatever a setting is
    ) -> AsyncGenerator[Served]:
        settings = msgspec.structs.replace(Settings(port=0, model_retries=0), **overrides)
        async with (
            scripted_agent(tmp_path / "home", knowing(lines), settings=settings) as (agent, _),
            running(agent) as url,
        ):
            yield Served(agent, url)

    return make


def node() -> str:
    """Node, the one that was set up here first."""
    found = shutil.which("node", path=str(Path(sys.executable).parent)) or shutil.which("node")
    assert found is not None, "there is no Node; `make dev` sets one up"
    return found


async def output_of(*command: str | Path, timeout_s: float = 50) -> str:
    """What the program writes to its standard output; it has to end well."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(timeout_s):
            out, err = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    assert process.returncode == 0, err.decode()
    return out.decode()
