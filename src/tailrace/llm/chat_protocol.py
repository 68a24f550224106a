"""Floor 1: the OpenAI chat-completions protocol: what is asked, and the chunks that come back.

Only the fields we use are decoded, and every one may be missing or null: endpoints differ.

Source: https://platform.openai.com/docs/api-reference/chat, llama.cpp's server README
(`prompt_progress`), vLLM and OpenRouter (`reasoning`), DeepSeek (`reasoning_content`).
"""

import re
from collections.abc import Collection
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import msgspec

from tailrace.errors import InvalidRequestError
from tailrace.events.event import JSON
from tailrace.llm.base import FinishReason, LLMRequest

_CHAT: Final = "/chat/completions"

# what an endpoint may not know, and what to send instead; "" for nothing
OPTIONAL_FIELDS: Final = {
    "stream_options": "",
    "return_progress": "",
    "response_format": "",
    "temperature": "",
    "max_tokens": "max_completion_tokens",
}

_FINISH: Final = {
    "stop": FinishReason.STOP,
    "eos": FinishReason.STOP,
    "end_turn": FinishReason.STOP,
    "length": FinishReason.LENGTH,
    "max_tokens": FinishReason.LENGTH,
    "tool_calls": FinishReason.TOOL_CALLS,
    "function_call": FinishReason.TOOL_CALLS,
    "content_filter": FinishReason.CONTENT_FILTER,
}


class ChunkDelta(msgspec.Struct, frozen=True, gc=False):
    """An increment as the endpoint sends it."""

    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None


class Choice(msgspec.Struct, frozen=True, gc=False):
    """One of the answers; we ask for one."""

    delta: ChunkDelta | None = None
    finish_reason: str | None = None


class ChunkUsage(msgspec.Struct, frozen=True, gc=False):
    """Tokens of the call."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class PromptProgress(msgspec.Struct, frozen=True, gc=False):
    """How much of the prompt llama.cpp has read."""

    total: int = 0
    processed: int = 0


class Chunk(msgspec.Struct, frozen=True, gc=False):
    """One event of the stream."""

    choices: list[Choice] | None = None
    usage: ChunkUsage | None = None
    prompt_progress: PromptProgress | None = None
    error: JSON = None


_DECODER = msgspec.json.Decoder(Chunk)


def decode_chunk(data: str) -> Chunk:
    """One event's data.

    Raises:
        msgspec.DecodeError: it is not JSON, or not such a chunk.
    """
    return _DECODER.decode(data)


def finish_reason(text: str) -> FinishReason:
    """Why the model stopped, in our words."""
    return _FINISH.get(text, FinishReason.OTHER)


def chat_body(
    request: LLMRequest, model: str, *, asks_progress: bool, unknown_fields: Collection[str]
) -> dict[str, JSON]:
    """The body of a streamed request, without the fields the endpoint does not know."""
    messages: list[JSON] = [{"role": m.role, "content": m.content} for m in request.messages]
    body: dict[str, JSON] = {
        "model": model,
        "messages": messages,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if asks_progress:
        body["return_progress"] = True
    if request.max_tokens is not None:
        body["max_tokens"] = request.max_tokens
    if request.temperature is not None:
        body["temperature"] = request.temperature
    if request.schema is not None:
        named: JSON = {"name": "reply", "schema": request.schema}
        body["response_format"] = {"type": "json_schema", "json_schema": named}
    for name in unknown_fields:
        value = body.pop(name, None)
        if value is not None and OPTIONAL_FIELDS[name]:
            body[OPTIONAL_FIELDS[name]] = value
    return body


def chat_url(base_url: str) -> str:
    """Where chat requests go, for a base URL with or without `/v1`, or with the whole path.

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
            f"the model endpoint's URL {base_url!r} cannot be used; "
            "give one such as http://127.0.0.1:11434/v1"
        )
        raise InvalidRequestError(msg)
    parts = urlsplit(base_url.strip())
    path = parts.path.rstrip("/")
    if not path.endswith(_CHAT):
        path = (path or "/v1") + _CHAT
    return urlunsplit((parts.scheme, parts.netloc, path, parts.query, ""))


def models_url(base_url: str) -> str:
    """Where the endpoint at `base_url` lists its models.

    Raises:
        InvalidRequestError: it is no http or https URL.
    """
    parts = urlsplit(chat_url(base_url))
    return urlunsplit(parts._replace(path=parts.path.removesuffix(_CHAT) + "/models"))


def origin_of(url: str) -> str:
    """Scheme, host and port of `url`, fit to be shown: without credentials."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


_FENCE = re.compile(r"^```[a-zA-Z]*\s*\n(.*?)\n?```", re.DOTALL | re.MULTILINE)


def parse_object(text: str) -> dict[str, JSON] | None:
    """The JSON object in a model's reply, also inside a fence or amid prose; None without one."""
    fenced = _FENCE.search(text)
    inner = text[text.find("{") : text.rfind("}") + 1]
    for candidate in (text, fenced.group(1) if fenced else "", inner):
        try:
            return msgspec.json.decode(candidate, type=dict[str, JSON])
        except msgspec.DecodeError:
            continue
    return None
