"""Floor 1: FirstModelClient, for an endpoint whose model nobody named: it asks what there is.

Rule 1: the endpoint is asked once, before the first call, and then spoken to as any other.
Rule 2: an endpoint that does not list its models is taken to have one that needs no name.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from http import HTTPStatus

import httpx2
import msgspec

from tailrace.errors import ModelRejectedError, ModelUnavailableError
from tailrace.events.event import JSON
from tailrace.llm.base import Delta, LLMClient, LLMRequest, ModelInfo, Usage
from tailrace.llm.chat_protocol import models_url
from tailrace.llm.json_reply import OnWait, read_json

UNNAMED = "default"
_MAX_LISTING_BYTES = 4 * 1024 * 1024

_log = logging.getLogger(__name__)


class _Model(msgspec.Struct):
    id: str


class _Listing(msgspec.Struct):
    data: list[_Model]


def listed_models(body: bytes | bytearray) -> list[str]:
    """The names in an endpoint's list of models, those for embeddings aside; none in other text."""
    try:
        names = [model.id for model in msgspec.json.decode(body, type=_Listing).data]
    except msgspec.DecodeError:
        return []
    return [name for name in names if "embed" not in name.lower()]


class FirstModelClient:
    """The first model of an endpoint that is not for embeddings."""

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str,
        connect: Callable[[str], LLMClient],
        timeout_s: float,
        trust_env: bool,
    ) -> None:
        """Speak to the endpoint at `base_url`.

        Args:
            base_url: As for `OpenAICompatibleClient`.
            api_key: Empty: none is sent.
            connect: Makes the client for a model's name.
            timeout_s: To be told what models there are.
            trust_env: Whether proxy variables count.

        Raises:
            InvalidRequestError: the URL cannot be used.
        """
        self._models_url = httpx2.URL(models_url(base_url))
        self._headers = {"authorization": f"Bearer {api_key.strip()}"} if api_key.strip() else {}
        self._connect = connect
        self._timeout_s = timeout_s
        self._trust_env = trust_env
        self._client: LLMClient | None = None
        self._asking = asyncio.Lock()

    @property
    def info(self) -> ModelInfo | None:
        """The model this client speaks to, by its name once that is known."""
        return self._client.info if self._client else ModelInfo(name=UNNAMED)

    async def stream(self, request: LLMRequest) -> AsyncGenerator[Delta, None]:
        """The reply as it comes; the last delta has the finish reason and usage.

        Raises:
            ModelError: of the class that says what happened.
        """
        client = await self._found()
        async with aclosing(client.stream(request)) as deltas:
            async for delta in deltas:
                yield delta

    async def complete_json(
        self, request: LLMRequest, on_wait: OnWait | None = None
    ) -> tuple[dict[str, JSON], Usage]:
        """The whole reply as the JSON object that `request.schema` describes.

        Raises:
            ModelError: as `stream`; `ModelProtocolError` where the reply is no JSON object.
        """
        return await read_json(self.stream(request), on_wait)

    async def aclose(self) -> None:
        """Close every connection."""
        if self._client:
            await self._client.aclose()

    async def _found(self) -> LLMClient:
        async with self._asking:
            if self._client is None:
                name = await self._first_name()
                _log.info("no model was named; the endpoint's first one is used: %s", name)
                self._client = self._connect(name)
        return self._client

    async def _first_name(self) -> str:
        host = self._models_url.host
        try:
            async with (
                httpx2.AsyncClient(timeout=self._timeout_s, trust_env=self._trust_env) as http,
                asyncio.timeout(self._timeout_s),
                http.stream("GET", self._models_url, headers=self._headers) as response,
            ):
                if response.status_code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
                    msg = f"{host} refused the key; set TAILRACE_LLM_API_KEY to one it accepts"
                    raise ModelRejectedError(msg)
                if response.status_code != HTTPStatus.OK:
                    return UNNAMED
                body = bytearray()
                async for piece in response.aiter_bytes():
                    body += piece
                    if len(body) > _MAX_LISTING_BYTES:
                        return UNNAMED
        except (httpx2.HTTPError, TimeoutError) as exc:
            msg = f"the model's endpoint at {host} cannot be reached; is it running?"
            raise ModelUnavailableError(msg) from exc
        return next(iter(listed_models(body)), UNNAMED)
