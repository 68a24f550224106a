"""Fixtures: a real server on loopback."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest

from tailrace.server.serve import running
from tailrace.settings import Settings
from tailrace.testing.agents import PLAN, scripted_agent
from tailrace.testing.model_script import Script

from .served import Serve, Served


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    """Makes a server: `serve(script, documents, **settings)`."""

    @asynccontextmanager
    async def make(
        script: Script,
        documents: Mapping[str, str] = PLAN,
        **overrides: Any,  # noqa: ANN401 - whatever a setting is
    ) -> AsyncGenerator[Served]:
        settings = msgspec.structs.replace(Settings(port=0, model_retries=0), **overrides)
        home = tmp_path / "home"
        async with (
            scripted_agent(home, script, documents=documents, settings=settings) as (agent, model),
            running(agent) as url,
            httpx2.AsyncClient(base_url=url, trust_env=False, timeout=20) as http,
        ):
            yield Served(agent, model, http)

    return make
