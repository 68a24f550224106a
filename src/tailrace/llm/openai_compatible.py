"""Floor 1: OpenAICompatibleClient, the one client for every endpoint that speaks OpenAI's protocol.

Rule 1: one request body, tried again only before its first token; see `retry.py`.
Rule 2: an optional field that the endpoint does not know is left out from then on.
Rule 3: calls to this machine ignore proxy variables.
"""

import ipaddress
import urllib.request
from collections.abc import AsyncGenerator
from typing import Final
from urllib.parse import urlsplit

import httpx2

from tailrace._clock import SYSTEM_CLOCK, Clock
from tailrace.errors import InvalidRequestError, ModelError
from tailrace.events.event import JSON
from tailrace.llm.base import Delta, LLMRequest, ModelInfo, Usage
from tailrace.llm.chat_call import ChatCall, Endpoint
from tailrace.llm.chat_protocol import chat_body, chat_url, origin_of
from tailrace.llm.deadline import ModelTimeouts
from tailrace.llm.endpoint_errors import UnknownFieldError
from tailrace.llm.http1 import Http1Transport
from tailrace.llm.json_reply import OnWait, read_json
from tailrace.llm.retry import RetryPolicy

MAX_CONNECTIONS: Final = 512
MAX_JSON_CHARS: Final = 1024 * 1024


class OpenAICompatibleClient:
    """A model behind an OpenAI-compatible endpoint.

    It belongs to the event loop of its first call.

    Args:
        base_url: With or without `/v1` and a slash at its end, or with `/chat/completions`.
        model: As the endpoint calls it.
        api_key: Empty: none is sent.
        info: What is known of the model; by default its name.
        asks_progress: Whether to ask for llama.cpp's prefill progress.

    Raises:
        InvalidRequestError: the URL or the key cannot be used.
    """

    def __init__(
        self,
        *,
        base_url: str,
        model: str,
        api_key: str = "",
        timeouts: ModelTimeouts | None = None,
        retries: RetryPolicy | None = None,
        info: ModelInfo | None = None,
        asks_progress: bool = False,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        url = chat_url(base_url)
        self._timeouts = timeouts or ModelTimeouts()
        self._retries = retries or RetryPolicy()
        self._info = info or ModelInfo(name=model)
        self._asks_progress = asks_progress
        self._clock = clock
        self._unknown_fields: set[str] = set()
        key = api_key.strip()
        self._endpoint = Endpoint(
            http=_http_client(url, key, self._timeouts.connect_s),
            url=url,
            origin=origin_of(url),
            model=model,
            api_key=key,
        )

    @property
    def info(self) -> ModelInfo | None:
        """The model this client speaks to."""
        return self._info

    async def stream(self, request: LLMRequest) -> AsyncGenerator[Delta, None]:
        """The reply as it comes; the last delta has the finish reason and usage.

        Yields:
            One increment after another.

        Raises:
            ModelError: of the class that says what happened.
        """
        total_due_s = self._clock.monotonic_s() + self._timeouts.total_s
        tries = 0
        while True:
            tries += 1
            began = False
            call = self._call(request, total_due_s)
            try:
                while deltas := await call.next_deltas():
                    for delta in deltas:
                        began = began or delta.wait is None
                        yield delta
            except UnknownFieldError as exc:
                self._unknown_fields.add(exc.field)
                tries -= 1
            except ModelError as exc:
                wait_s = None if began else self._retries.wait_s(exc, tries)
                if wait_s is None or self._clock.monotonic_s() + wait_s >= total_due_s:
                    raise
                await call.aclose()
                await self._retries.sleep(wait_s)
            else:
                return
            finally:
                await call.aclose()

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
        await self._endpoint.http.aclose()

    def _call(self, request: LLMRequest, total_due_s: float) -> ChatCall:
        body = chat_body(
            request,
            self._endpoint.model,
            asks_progress=self._asks_progress,
            unknown_fields=self._unknown_fields,
        )
        return ChatCall(
            self._endpoint,
            body,
            timeouts=self._timeouts,
            total_due_s=total_due_s,
            clock=self._clock,
        )


def _http_client(url: str, api_key: str, connect_s: float) -> httpx2.AsyncClient:
    headers = {
        "accept": "text/event-stream",
        "accept-encoding": "identity",
        "content-type": "application/json",
        "user-agent": "tailrace",
    }
    if api_key:
        if not api_key.isascii() or not api_key.isprintable():
            msg = "the API key has characters that no header can carry; copy it again"
            raise InvalidRequestError(msg)
        headers["authorization"] = f"Bearer {api_key}"
    parts = urlsplit(url)
    if _goes_through_proxy(parts.scheme, parts.hostname or ""):
        return _proxied_client(headers, connect_s)
    transport = Http1Transport(
        ssl_context=httpx2.create_ssl_context() if parts.scheme == "https" else None,
        connect_timeout_s=connect_s,
        max_connections=MAX_CONNECTIONS,
    )
    return httpx2.AsyncClient(transport=transport, headers=headers, timeout=None, trust_env=False)


def _proxied_client(headers: dict[str, str], connect_s: float) -> httpx2.AsyncClient:
    limits = httpx2.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=32)
    timeout = httpx2.Timeout(None, connect=connect_s)
    try:
        return httpx2.AsyncClient(headers=headers, timeout=timeout, limits=limits)
    except (ImportError, ValueError) as exc:
        msg = (
            "the proxy that the environment names cannot be used; give one with http:// or "
            "https:// in HTTPS_PROXY, or name the model's host in NO_PROXY"
        )
        raise InvalidRequestError(msg) from exc


def _goes_through_proxy(scheme: str, host: str) -> bool:
    if is_loopback(host):
        return False
    proxies = urllib.request.getproxies()
    return bool(proxies.keys() & {scheme, "all"}) and not urllib.request.proxy_bypass(host)


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
