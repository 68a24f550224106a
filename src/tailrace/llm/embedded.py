"""Floor 1: EmbeddedClient, the model on this machine, in a supervised child process.

Rule 1: nothing starts before the first call; a model that is installed meanwhile is found.
Rule 2: one call computes at a time. The others wait in order, told their place whenever it
    changes; leaving frees the place at once.
Rule 3: a child that died fails the call under way, and the next call starts another.
Rule 4: the runtime is loaded in the child only; here it is at most looked for.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from tailrace._ids import new_secret
from tailrace.errors import (
    ModelError,
    ModelRejectedError,
    ModelTimeoutError,
    ModelUnavailableError,
)
from tailrace.events.event import JSON
from tailrace.llm.base import Delta, LLMClient, LLMRequest, ModelInfo, Usage, Wait, WaitKind
from tailrace.llm.catalogue import DEFAULT_MODEL
from tailrace.llm.embedded_server import ServerConfig
from tailrace.llm.json_reply import OnWait, read_json
from tailrace.llm.library import InstalledModel, ModelLibrary
from tailrace.llm.machine import memory_bytes, physical_cores, runtime_is_installed
from tailrace.llm.model_process import ModelProcess
from tailrace.llm.turns import Turns

Connect = Callable[[str, str, str], LLMClient]
"""Makes a client from the base URL of an OpenAI-compatible endpoint, a key and a model's name."""

_SMALL_CONTEXT_TOKENS, _LARGE_CONTEXT_TOKENS = 4096, 8192
_LARGE_MEMORY_BYTES = 6 * 1024**3
_MAX_WAITING = 256
_NOTICE_S = 1.0
_FIRST_RESTART_S, _LONGEST_RESTART_S = 0.5, 8.0


class EmbeddedClient:
    """A language model on this machine."""

    def __init__(
        self,
        *,
        library: ModelLibrary,
        connect: Connect,
        model: str = "",
        threads: int = 0,
        max_waiting: int = _MAX_WAITING,
    ) -> None:
        """Speak to `model`, once it is called.

        Args:
            library: Where model files are.
            connect: Makes the client that speaks to the child.
            model: Its name; empty: the default one, else whichever is installed.
            threads: Threads that compute; 0: one a physical core.
            max_waiting: Calls that may wait behind the one that computes.
        """
        self._library = library
        self._connect = connect
        self._model = model
        self._threads = threads or physical_cores() or 0
        self._turns = Turns(max_waiting=max_waiting)
        self._process: ModelProcess | None = None
        self._running: InstalledModel | None = None
        self._key = ""
        self._client: LLMClient | None = None
        self._failures = 0
        self._closed = False

    @property
    def info(self) -> ModelInfo | None:
        """The model that the next call speaks to; None while none is installed."""
        model = self._installed() if runtime_is_installed() else None
        if model is None:
            return None
        return ModelInfo(
            name=model.name,
            context_tokens=_context_tokens(model),
            embedded=True,
            smoke_test_only=model.smoke_test_only,
        )

    @property
    def pid(self) -> int | None:
        """The id of the child process; None while there is none."""
        return self._process.pid if self._process and not self._process.ended else None

    async def stream(self, request: LLMRequest) -> AsyncGenerator[Delta, None]:
        """The reply as it comes, after the place in the queue, loading and prefill.

        Raises:
            ModelError: of the class that says what happened.
        """
        self._require()
        ticket = self._turns.join()
        try:
            while ahead := ticket.ahead():
                yield Delta(wait=Wait(kind=WaitKind.QUEUE, position=ahead))
                await ticket.moved()
            if not (self._process and self._process.is_ready):
                yield Delta(wait=Wait(kind=WaitKind.LOADING))
            try:
                client = await self._loaded()
                async with aclosing(client.stream(request)) as deltas:
                    async for delta in deltas:
                        yield delta
            except ModelError as exc:
                await self._raise_if_ended(exc)
                raise
            self._failures = 0
        finally:
            ticket.leave()

    async def complete_json(
        self, request: LLMRequest, on_wait: OnWait | None = None
    ) -> tuple[dict[str, JSON], Usage]:
        """The whole reply as the JSON object that `request.schema` describes.

        Raises:
            ModelError: as `stream`; `ModelProtocolError` where the reply is no JSON object.
        """
        return await read_json(self.stream(request), on_wait)

    async def aclose(self) -> None:
        """Stop the child process, and return when it is gone."""
        self._closed = True
        await self._retire()

    def _installed(self) -> InstalledModel | None:
        model = self._library.find(self._model or DEFAULT_MODEL)
        if model is None and not self._model:
            others = sorted(self._library.installed(), key=lambda other: other.smoke_test_only)
            model = others[0] if others else None
        return model

    def _require(self) -> InstalledModel:
        if self._closed:
            msg = "the embedded model was closed"
            raise ModelUnavailableError(msg, retryable=False)
        if not runtime_is_installed():
            msg = "the embedded model's runtime is missing: install the package 'xllamacpp', "
            msg += "or set TAILRACE_LLM_URL to an OpenAI-compatible endpoint"
            raise ModelUnavailableError(msg, retryable=False)
        model = self._installed()
        if model is None:
            name = self._model or DEFAULT_MODEL
            msg = f"the model {name!r} is not installed; `tailrace models pull {name}` fetches it"
            raise ModelUnavailableError(msg, retryable=False)
        return model

    async def _loaded(self) -> LLMClient:
        """The client of a child that runs; called by whoever's turn it is, so by one at a time."""
        model = self._require()
        if self._process and (self._process.ended or self._running != model):
            await self._retire()
        if self._process is None:
            if self._failures > 1:
                delay_s = _FIRST_RESTART_S * 2 ** (self._failures - 2)
                await asyncio.sleep(min(delay_s, _LONGEST_RESTART_S))
                model = self._require()
            self._key = new_secret()
            self._running = model
            self._process = ModelProcess(self._config(model))
        process = self._process
        url = await process.url()
        if self._client is None:
            self._client = self._connect(f"{url}/v1", self._key, model.name)
        return self._client

    def _config(self, model: InstalledModel) -> ServerConfig:
        return ServerConfig(
            path=str(self._library.path(model.name)),
            name=model.name,
            api_key=self._key,
            context_tokens=_context_tokens(model),
            threads=self._threads,
        )

    async def _raise_if_ended(self, error: ModelError) -> None:
        """Say what is behind `error` where the child died; end a child that hangs.

        Raises:
            ModelUnavailableError: the child died while it answered.
        """
        process = self._process
        if process is None or isinstance(error, ModelRejectedError):
            return
        if isinstance(error, ModelTimeoutError):
            await self._retire()
            return
        if not await process.wait_ended(at_most_s=_NOTICE_S):
            return
        self._failures += 1
        if self._client is not None:
            msg = "the process of the embedded model ended while it answered; "
            msg += "the next call starts it again"
            raise ModelUnavailableError(msg) from error

    async def _retire(self) -> None:
        process, client = self._process, self._client
        self._process = self._client = None
        try:
            if client is not None:
                await client.aclose()
        finally:
            if process is not None:
                await process.stop()


def _context_tokens(model: InstalledModel) -> int:
    memory = memory_bytes()
    limit = _LARGE_CONTEXT_TOKENS
    if memory is None or memory < _LARGE_MEMORY_BYTES:
        limit = _SMALL_CONTEXT_TOKENS
    return min(limit, model.context_tokens or limit)
