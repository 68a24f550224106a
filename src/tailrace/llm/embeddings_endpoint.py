"""Floor 1: EndpointEmbedder, any endpoint that speaks OpenAI's protocol for embeddings.

Rule 1: a batch is tried again only where that can help; see `retry.py`.
Rule 2: an answer is bounded, and taken only if it has one vector for each text, all of one length.
Rule 3: what the endpoint wrote goes to the log file, shortened and without the key.

Source: https://platform.openai.com/docs/api-reference/embeddings
"""

import math
from array import array
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import httpx2
import msgspec

from tailrace.errors import (
    ErrorCode,
    InvalidRequestError,
    ModelError,
    ModelProtocolError,
    ModelRateLimitedError,
    ModelRejectedError,
    ModelTimeoutError,
    ModelUnavailableError,
)
from tailrace.llm.chat_protocol import origin_of
from tailrace.llm.embedding import Vector
from tailrace.llm.endpoint_errors import log_detail
from tailrace.llm.retry import RetryPolicy, parse_retry_after

MAX_TEXTS: Final = 32
"""Texts of one request; more are asked for one request after another."""

MAX_TEXT_CHARS: Final = 8_000
MAX_ANSWER_BYTES: Final = 16 * 1024 * 1024
_PATH: Final = "/embeddings"
_QUERY_TIMEOUT_S: Final = 10.0
_OK, _UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _RATE, _SERVER = 200, 401, 403, 404, 429, 500
_REQUEST_TIMEOUT: Final = 408


class _Item(msgspec.Struct, frozen=True):
    embedding: list[float]
    index: int | None = None


class _Answer(msgspec.Struct, frozen=True):
    data: list[_Item]


_DECODER: Final = msgspec.json.Decoder(_Answer)


class EndpointEmbedder:
    """An `Embedder` behind a URL.

    Args:
        url: Where requests go; see `embeddings_url`.
        model: As the endpoint calls it.
        api_key: Empty: none is sent.
        connect_timeout_s: To reach the endpoint.
        timeout_s: One request in all; for a question somebody waits for, 10 s at most.
        trust_env: Whether proxy variables count.

    Raises:
        InvalidRequestError: no model is named, or the key cannot be used.
    """

    def __init__(
        self,
        *,
        url: str,
        model: str,
        api_key: str = "",
        connect_timeout_s: float = 5.0,
        timeout_s: float = 60.0,
        retries: RetryPolicy | None = None,
        trust_env: bool = True,
    ) -> None:
        if not model.strip():
            msg = "name the embedding model of that endpoint in TAILRACE_EMBEDDINGS_MODEL"
            raise InvalidRequestError(msg)
        self._key = api_key.strip()
        if not self._key.isascii() or (self._key and not self._key.isprintable()):
            msg = "the API key has characters that no header can carry; copy it again"
            raise InvalidRequestError(msg)
        self._url = url
        self._origin = origin_of(url)
        self._model = model.strip()
        self._dimensions: int | None = None
        self._retries = retries or RetryPolicy()
        self._timeout_s = timeout_s
        self._connect_timeout_s = connect_timeout_s
        headers = {"user-agent": "tailrace"}
        if self._key:
            headers["authorization"] = f"Bearer {self._key}"
        self._http = httpx2.AsyncClient(headers=headers, trust_env=trust_env)

    @property
    def model(self) -> str:
        """Its name, with the endpoint's: another's model of that name may be another."""
        return f"{self._model} at {self._origin}"

    @property
    def dimensions(self) -> int | None:
        """The length of its vectors; None before the first answer."""
        return self._dimensions

    async def embed(self, texts: Sequence[str], *, query: bool = False) -> list[Vector]:
        """The vector of each of `texts`.

        Raises:
            ModelError: of the class that says what happened.
        """
        vectors: list[Vector] = []
        for first in range(0, len(texts), MAX_TEXTS):
            vectors += await self._batch(texts[first : first + MAX_TEXTS], query=query)
        return vectors

    async def rest(self) -> None:
        """Nothing is held: connections that are not used close by themselves."""

    async def aclose(self) -> None:
        """Close every connection."""
        await self._http.aclose()

    async def _batch(self, texts: Sequence[str], *, query: bool) -> list[Vector]:
        tries = 0
        while True:
            tries += 1
            try:
                return await self._ask(texts, query=query)
            except ModelError as exc:
                wait_s = None if query else self._retries.wait_s(exc, tries)
                if wait_s is None:
                    raise
                await self._retries.sleep(wait_s)

    async def _ask(self, texts: Sequence[str], *, query: bool) -> list[Vector]:
        total_s = min(self._timeout_s, _QUERY_TIMEOUT_S) if query else self._timeout_s
        body = {"model": self._model, "input": [text[:MAX_TEXT_CHARS] or " " for text in texts]}
        timeout = httpx2.Timeout(total_s, connect=self._connect_timeout_s)
        try:
            async with self._http.stream("POST", self._url, json=body, timeout=timeout) as response:
                answer = bytearray()
                async for piece in response.aiter_bytes():
                    answer += piece
                    if len(answer) > MAX_ANSWER_BYTES:
                        msg = f"the embedding endpoint {self._origin} answered more than it may"
                        raise ModelProtocolError(msg, retryable=False)
        except httpx2.TimeoutException as exc:
            msg = f"the embedding endpoint {self._origin} did not answer in time; try again"
            raise ModelTimeoutError(msg) from exc
        except (httpx2.HTTPError, httpx2.InvalidURL) as exc:
            msg = f"the embedding endpoint {self._origin} cannot be reached; is it running?"
            raise ModelUnavailableError(msg) from exc
        if response.status_code != _OK:
            raise self._refusal(response, bytes(answer))
        return self._vectors(bytes(answer), len(texts))

    def _vectors(self, answer: bytes, count: int) -> list[Vector]:
        try:
            items = _DECODER.decode(answer).data
        except msgspec.DecodeError as exc:
            raise self._nonsense() from exc
        places = [place if item.index is None else item.index for place, item in enumerate(items)]
        lengths = {len(item.embedding) for item in items}
        if sorted(places) != [*range(count)] or len(lengths) != 1 or not min(lengths):
            raise self._nonsense()
        [length] = lengths
        if self._dimensions not in {None, length}:
            raise self._nonsense()
        vectors: list[Vector] = [array("f")] * count
        for place, item in zip(places, items, strict=True):
            norm = math.hypot(*item.embedding)
            if not 0.0 < norm < math.inf:
                raise self._nonsense()
            vectors[place] = array("f", [value / norm for value in item.embedding])
        self._dimensions = length
        return vectors

    def _nonsense(self) -> ModelProtocolError:
        msg = (
            f"the embedding endpoint {self._origin} did not answer with a vector for each text; "
            "check that TAILRACE_EMBEDDINGS_URL is that of an OpenAI-compatible API and "
            "TAILRACE_EMBEDDINGS_MODEL an embedding model"
        )
        return ModelProtocolError(msg, retryable=False)

    def _refusal(self, response: httpx2.Response, answer: bytes) -> ModelError:
        status = response.status_code
        log_detail(self._origin, f"status {status}", answer.decode(errors="replace"), self._key)
        retry_after_s = parse_retry_after(
            response.headers.get("retry-after", ""), datetime.now(UTC)
        )
        where = f"the embedding endpoint {self._origin}"
        if status in {_UNAUTHORIZED, _FORBIDDEN}:
            msg = f"{where} refused the API key; set TAILRACE_EMBEDDINGS_API_KEY to one it knows"
            return ModelRejectedError(msg, code=ErrorCode.MODEL_UNAUTHORIZED)
        if status == _NOT_FOUND:
            msg = (
                f"{where} has no model {self._model!r} at this address; check "
                "TAILRACE_EMBEDDINGS_MODEL and TAILRACE_EMBEDDINGS_URL"
            )
            return ModelRejectedError(msg, code=ErrorCode.MODEL_NOT_FOUND)
        if status == _RATE:
            msg = f"{where} gets too many requests; documents are embedded later"
            return ModelRateLimitedError(msg, retry_after_s=retry_after_s)
        if status >= _SERVER or status == _REQUEST_TIMEOUT:
            msg = f"{where} failed with status {status}; try again"
            return ModelUnavailableError(msg, retry_after_s=retry_after_s)
        msg = f"{where} refused the request with status {status}; the log file has its reason"
        return ModelRejectedError(msg)


def embeddings_url(base_url: str) -> str:
    """Where requests go, for a base URL with or without `/v1`, or with the whole path.

    Raises:
        InvalidRequestError: it is no http or https URL.
    """
    try:
        parts = urlsplit(base_url.strip())
        valid = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        msg = (
            f"the embedding endpoint's URL {base_url!r} cannot be used; "
            "give one such as http://127.0.0.1:11434/v1"
        )
        raise InvalidRequestError(msg)
    parts = urlsplit(base_url.strip())
    path = parts.path.rstrip("/")
    if not path.endswith(_PATH):
        path = (path or "/v1") + _PATH
    return urlunsplit((parts.scheme, parts.netloc, path, parts.query, ""))
