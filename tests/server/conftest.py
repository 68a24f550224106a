"""A real server on a free port: real store, real runs, a scripted model, a real HTTP client."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest

from tailrace.agent import ContextAgent
from tailrace.events.event import StreamEvent
from tailrace.server.serve import running
from tailrace.settings import Settings
from tailrace.testing.model_script import Reply, Script, ask_back, classify_as
from tailrace.testing.model_server import ScriptedModelServer
from tailrace.wire.sse import ServerSentEvent, SSEDecoder

ANSWER = "One two three four."


class Serving:
    """A server that runs, and its client."""

    def __init__(
        self, agent: ContextAgent, model: ScriptedModelServer, url: str, client: httpx2.AsyncClient
    ) -> None:
        self.agent = agent
        self.model = model
        self.url = url
        self.client = client

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.url.rpartition(":")[2])

    async def start(self, query: str = "hello", **body: Any) -> str:  # noqa: ANN401 - JSON
        """The id of a new run."""
        response = await self.client.post("/api/agent/runs", json={"query": query, **body})
        assert response.status_code == 202, response.text
        return str(response.json()["run_id"])

    async def converse(self) -> int:
        """The id of a new conversation."""
        made = await self.client.post("/api/agent/chat/conversations", json={"page_name": "home"})
        return int(made.json()["id"])

    async def messages(self, conversation_id: int) -> list[dict[str, Any]]:
        """The messages of the conversation."""
        url = f"/api/agent/chat/conversations/{conversation_id}/messages"
        return list((await self.client.get(url)).json())

    async def watch(
        self, run_id: str, query: str = "", headers: dict[str, str] | None = None
    ) -> list[ServerSentEvent]:
        """The frames of a watch, to the end of the response."""
        url = f"/api/agent/runs/{run_id}/events{query}"
        response = await self.client.get(url, headers=headers)
        assert response.status_code == 200, response.text
        return SSEDecoder().feed(response.content)

    async def events(self, run_id: str) -> list[StreamEvent]:
        """The run's events, once it has ended."""
        frames = await self.watch(run_id)
        return [StreamEvent.from_json_bytes(frame.data.encode()) for frame in frames]

    async def stored(self) -> tuple[int, int, int]:
        """How many runs, conversations and documents there are."""
        parts = self.agent.parts
        runs = await parts.store.list_runs("", 100, None)
        _, conversations = await parts.store.list_conversations("", 1, 0, None, "active")
        _, documents = await parts.documents.list_documents("", limit=1, offset=0)
        return len(runs), conversations, documents


Serve = Callable[..., AbstractAsyncContextManager[Serving]]


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    """Makes a server: `serve(script, **settings)`; a model that `asks` asks that back.

    A `raw` script is the whole of what the model says, its classification included.
    """

    @asynccontextmanager
    async def make(
        script: Script | None = None,
        *,
        asks: str = "",
        raw: bool = False,
        **overrides: Any,  # noqa: ANN401 - whatever a setting is
    ) -> AsyncGenerator[Serving, None]:
        answer = Reply(text=ANSWER) if script is None else script
        talk = ask_back(asks, "simple_chat", answer) if asks else classify_as("simple_chat", answer)
        async with ScriptedModelServer(answer if raw else talk) as model:
            settings = msgspec.structs.replace(
                Settings(home=tmp_path / "home", llm_url=model.url, llm_model="scripted", port=0),
                **overrides,
            )
            async with (
                ContextAgent.open(settings) as agent,
                running(agent) as url,
                httpx2.AsyncClient(base_url=url, trust_env=False, timeout=20) as client,
            ):
                yield Serving(agent, model, url, client)

    return make


@pytest.fixture
async def serving(serve: Serve) -> AsyncGenerator[Serving, None]:
    """A server with default settings, whose model says `ANSWER`."""
    async with serve() as made:
        yield made
