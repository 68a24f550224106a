"""Floor 1: ChatCall, one try of one streamed chat completion: from the request to its last delta.

Rule 1: every wait has a deadline: for the first token, between tokens, and for the whole call.
    What the reader of the deltas takes for itself counts only towards the last.
Rule 2: a reply without a finish reason was cut; one that has it is whole, however the rest fares.
Rule 3: `aclose` closes the connection at once unless the response has ended.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Final

import httpx2
import msgspec

from tailrace._clock import Clock
from tailrace.errors import (
    ModelError,
    ModelProtocolError,
    ModelTimeoutError,
    ModelUnavailableError,
    WireError,
)
from tailrace.events.event import JSON
from tailrace.llm.base import Delta, FinishReason, Usage, Wait, WaitKind
from tailrace.llm.chat_protocol import (
    OPTIONAL_FIELDS,
    Chunk,
    ChunkDelta,
    decode_chunk,
    finish_reason,
)
from tailrace.llm.deadline import ModelTimeouts, Patience
from tailrace.llm.endpoint_errors import (
    UnknownFieldError,
    error_of_event,
    error_of_status,
    log_detail,
    unknown_field,
)
from tailrace.llm.http1 import BODY, Body
from tailrace.llm.retry import parse_retry_after
from tailrace.llm.think import ThinkSplitter
from tailrace.wire.sse import ServerSentEvent, SSEDecoder

MAX_EVENT_BYTES: Final = 1024 * 1024
_MAX_ERROR_BODY_BYTES: Final = 64 * 1024
_USAGE_PATIENCE_S: Final = 2.0  # for the usage, once the finish reason is there
_END_PATIENCE_S: Final = 0.25  # for the end of the response, so that its connection can be kept
_CHARS_PER_TOKEN: Final = 4
_OK: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a call goes, and how it is named in messages.

    Attributes:
        origin: Scheme, host and port, without credentials.
        api_key: Kept out of the log file.
    """

    http: httpx2.AsyncClient
    url: str
    origin: str
    model: str
    api_key: str


class ChatCall:
    """One try. `next_deltas` until it gives none, then `aclose`, whatever happened."""

    def __init__(
        self,
        endpoint: Endpoint,
        body: Mapping[str, JSON],
        *,
        timeouts: ModelTimeouts,
        total_due_s: float,
        clock: Clock,
    ) -> None:
        self._endpoint = endpoint
        self._body = body
        self._timeouts = timeouts
        self._clock = clock
        self._total_due_s = total_due_s
        self._due_s = total_due_s
        self._allowed_s = timeouts.first_token_s
        self._alive = True  # whether the next wait starts anew
        self._patience = Patience(clock)
        self._decoder = SSEDecoder(max_event_bytes=MAX_EVENT_BYTES)
        self._think = ThinkSplitter()
        self._response: httpx2.Response | None = None
        self._pieces: Body | AsyncIterator[bytes] | None = None
        self._began = False
        self._chars = 0
        self._finish: FinishReason | None = None
        self._usage: Usage | None = None
        self._done = False
        self._ended = False
        self._error: ModelError | None = None

    async def next_deltas(self) -> list[Delta]:
        """What came next, at least one delta; none once the reply is complete.

        Raises:
            ModelError: of the class that says what happened.
        """
        if self._error is not None:
            raise self._error
        while not self._ended:
            piece = await self._next_piece()
            if piece is None:
                self._ended = True
                return self._last_deltas()
            deltas = self._take(piece)
            if deltas:
                return deltas
        return []

    async def aclose(self) -> None:
        """Close the connection, or give it back if the response has ended."""
        self._patience.close()
        if self._response is not None:
            await self._response.aclose()

    async def _next_piece(self) -> bytes | None:
        """The next bytes of the response; None at its end, or when the rest does not matter."""
        if self._alive:
            self._alive = False
            self._due_s = min(self._clock.monotonic_s() + self._allowed_s, self._total_due_s)
        try:
            return await self._patience.wait(self._read, self._due_s)
        except TimeoutError as exc:
            if self._finish is not None or self._done:
                return None
            raise self._timed_out() from exc
        except httpx2.HTTPError as exc:
            if self._finish is not None:
                return None
            raise self._broken(exc) from exc

    async def _read(self) -> bytes | None:
        if self._pieces is None:
            self._pieces = await self._open()
        if isinstance(self._pieces, Body):
            return await self._pieces.read() or None
        return await anext(self._pieces, None)

    async def _open(self) -> Body | AsyncIterator[bytes]:
        endpoint = self._endpoint
        request = endpoint.http.build_request(
            "POST", endpoint.url, content=msgspec.json.encode(self._body)
        )
        response = self._response = await endpoint.http.send(request, stream=True)
        if response.status_code != _OK:
            raise await self._refused(response)
        content_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if content_type != "text/event-stream":
            log_detail(endpoint.origin, "content type", content_type, endpoint.api_key)
            msg = (
                f"the model endpoint {endpoint.origin} did not answer with an event stream; "
                "check that the URL is that of an OpenAI-compatible API"
            )
            raise ModelProtocolError(msg, retryable=False)
        if "content-encoding" in response.headers:
            return response.aiter_bytes()
        body = response.extensions.get(BODY)
        return body if isinstance(body, Body) else response.aiter_raw()

    async def _refused(self, response: httpx2.Response) -> ModelError:
        endpoint = self._endpoint
        raw = bytearray()
        async for piece in response.aiter_bytes():
            raw += piece
            if len(raw) > _MAX_ERROR_BODY_BYTES:
                break
        text = raw.decode("utf-8", "replace")
        status = response.status_code
        log_detail(endpoint.origin, f"status {status}", text, endpoint.api_key)
        retry_after = parse_retry_after(response.headers.get("retry-after", ""), self._clock.now())
        error = error_of_status(
            status,
            text,
            model=endpoint.model,
            origin=endpoint.origin,
            retry_after_s=retry_after,
        )
        sent = [name for name in OPTIONAL_FIELDS if name in self._body]
        field = unknown_field(status, text, sent)
        return UnknownFieldError(error.message, field=field) if field else error

    def _take(self, piece: bytes) -> list[Delta]:
        deltas: list[Delta] = []
        try:
            events = self._decoder.feed(piece)
        except WireError as exc:
            msg = f"the model endpoint {self._endpoint.origin} sent an event of more than 1 MiB"
            raise ModelProtocolError(msg) from exc
        for event in events:
            if event.data == "[DONE]":
                self._done = True
                self._allow(_END_PATIENCE_S)
            elif event.data:
                try:
                    self._take_event(event, deltas)
                except ModelError as error:
                    if not deltas:
                        raise
                    self._error = error  # once what came before it in this piece is told
                    break
        return deltas

    def _take_event(self, event: ServerSentEvent, deltas: list[Delta]) -> None:
        endpoint = self._endpoint
        try:
            chunk = decode_chunk(event.data)
        except (msgspec.DecodeError, UnicodeDecodeError) as exc:
            if self._finish is not None:
                return
            log_detail(endpoint.origin, "not a chunk", event.data, endpoint.api_key)
            msg = (
                f"the model endpoint {endpoint.origin} sent something that is not the "
                "OpenAI chat protocol; check its URL and version"
            )
            raise ModelProtocolError(msg) from exc
        if chunk.error is not None or event.event == "error":
            log_detail(endpoint.origin, "error event", event.data, endpoint.api_key)
            raise error_of_event(event.data, model=endpoint.model, origin=endpoint.origin)
        self._take_chunk(chunk, deltas)

    def _take_chunk(self, chunk: Chunk, deltas: list[Delta]) -> None:
        usage = chunk.usage
        if usage is not None and usage.completion_tokens is not None:
            self._usage = Usage(
                prompt_tokens=usage.prompt_tokens or 0, completion_tokens=usage.completion_tokens
            )
        progress = chunk.prompt_progress
        if progress is not None and not self._began:
            share = min(1.0, progress.processed / progress.total) if progress.total > 0 else None
            deltas.append(Delta(wait=Wait(kind=WaitKind.PREFILL, progress=share)))
            self._allow(self._timeouts.first_token_s)
        if not chunk.choices or self._finish is not None:
            return
        choice = chunk.choices[0]
        if choice.delta is not None:
            self._take_delta(choice.delta, deltas)
        if choice.finish_reason:
            self._finish = finish_reason(choice.finish_reason)
            self._allow(_USAGE_PATIENCE_S)
        elif self._began:
            self._allow(self._timeouts.between_tokens_s)

    def _take_delta(self, delta: ChunkDelta, deltas: list[Delta]) -> None:
        reasoning = delta.reasoning_content or delta.reasoning or ""
        text = delta.content or ""
        if text and not self._think.settled:
            thought, text = self._think.feed(text)
            reasoning += thought
        if text or reasoning:
            self._began = True
            deltas += self._counted(reasoning, text)

    def _counted(self, reasoning: str, text: str) -> list[Delta]:
        self._chars += len(text) + len(reasoning)
        thought = [Delta(reasoning=reasoning)] if reasoning else []
        return [*thought, Delta(text=text)] if text else thought

    def _allow(self, seconds: float) -> None:
        self._allowed_s = seconds
        self._alive = True

    def _last_deltas(self) -> list[Delta]:
        if self._finish is None:
            raise self._cut()
        held = self._counted(*self._think.flush())
        usage = self._usage or self._estimate()
        return [*held, Delta(usage=usage, finish_reason=self._finish)]

    def _estimate(self) -> Usage:
        prompt_chars = len(msgspec.json.encode(self._body["messages"]))
        return Usage(
            prompt_tokens=-(-prompt_chars // _CHARS_PER_TOKEN),
            completion_tokens=-(-self._chars // _CHARS_PER_TOKEN),
            estimated=True,
        )

    def _cut(self) -> ModelProtocolError:
        what = "broke off in the middle of its answer" if self._began else "answered nothing"
        msg = f"the model endpoint {self._endpoint.origin} {what}; try again"
        return ModelProtocolError(msg)

    def _timed_out(self) -> ModelTimeoutError:
        origin = self._endpoint.origin
        if self._clock.monotonic_s() >= self._total_due_s:
            msg = f"the model at {origin} took longer than {self._timeouts.total_s:g} s in all"
        elif self._began:
            pause_s = self._timeouts.between_tokens_s
            msg = f"the model at {origin} fell silent for {pause_s:g} s in the middle of its answer"
        else:
            msg = f"the model at {origin} said nothing for {self._timeouts.first_token_s:g} s"
        return ModelTimeoutError(msg + "; try again, or ask something shorter")

    def _broken(self, exc: httpx2.HTTPError) -> ModelError:
        endpoint = self._endpoint
        log_detail(endpoint.origin, type(exc).__name__, str(exc), endpoint.api_key)
        if isinstance(exc, httpx2.ConnectTimeout):
            msg = (
                f"the model endpoint {endpoint.origin} could not be reached within "
                f"{self._timeouts.connect_s:g} s; check TAILRACE_LLM_URL and the network"
            )
            return ModelTimeoutError(msg)
        if isinstance(exc, (httpx2.ConnectError, httpx2.ProxyError, httpx2.PoolTimeout)):
            msg = (
                f"nothing answers at the model endpoint {endpoint.origin}; "
                "start the model server, or check TAILRACE_LLM_URL"
            )
            return ModelUnavailableError(msg)
        if isinstance(exc, httpx2.UnsupportedProtocol | httpx2.LocalProtocolError):
            msg = f"the request to the model endpoint {endpoint.origin} could not be sent"
            return ModelUnavailableError(msg, retryable=False)
        return self._cut()
