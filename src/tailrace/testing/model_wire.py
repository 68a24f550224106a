"""Testing floor: the bytes of the OpenAI chat-completions protocol, as a server writes them.

Source: https://platform.openai.com/docs/api-reference/chat/streaming and llama.cpp's server
(`prompt_progress`).
"""

import http
from collections.abc import Iterable

import msgspec

from tailrace.events.event import JSON

MODEL = "scripted"
DONE = b"data: [DONE]\n\n"
_ID = "chatcmpl-scripted"
_CREATED = 1_700_000_000
_HEAD = (
    f'data: {{"id":"{_ID}","object":"chat.completion.chunk","created":{_CREATED},'
    f'"model":"{MODEL}","choices":[{{"index":0,"delta":'
).encode()
_TAIL = b',"finish_reason":null}]}\n\n'


def content_event(text: str) -> bytes:
    """A chunk with an increment of the answer."""
    return b"".join((_HEAD, b'{"content":', msgspec.json.encode(text), b"}", _TAIL))


def reasoning_event(text: str) -> bytes:
    """A chunk with an increment of the reasoning."""
    return b"".join((_HEAD, b'{"reasoning_content":', msgspec.json.encode(text), b"}", _TAIL))


def role_event() -> bytes:
    """The chunk that comes before the first increment."""
    return b"".join((_HEAD, b'{"role":"assistant","content":""}', _TAIL))


def finish_event(reason: str) -> bytes:
    """The chunk that says why the model stopped."""
    choice: JSON = {"index": 0, "delta": {}, "finish_reason": reason}
    return json_event({**_envelope(), "choices": [choice]})


def usage_event(prompt_tokens: int, completion_tokens: int) -> bytes:
    """The chunk that reports usage; it has no choice."""
    usage = _usage(prompt_tokens, completion_tokens)
    return json_event({**_envelope(), "choices": [], "usage": usage})


def progress_event(processed: int, total: int) -> bytes:
    """llama.cpp's chunk that says how much of the prompt is read."""
    progress: JSON = {"total": total, "cache": 0, "processed": processed, "time_ms": 1}
    choice: JSON = {"index": 0, "delta": {"content": None}, "finish_reason": None}
    return json_event({**_envelope(), "choices": [choice], "prompt_progress": progress})


def json_event(body: JSON) -> bytes:
    """`body` as one event."""
    return b"data: " + msgspec.json.encode(body) + b"\n\n"


def completion(text: str, finish_reason: str | None, usage: tuple[int, int]) -> JSON:
    """The whole answer, for a request without streaming."""
    message: JSON = {"role": "assistant", "content": text}
    return {
        "id": _ID,
        "object": "chat.completion",
        "created": _CREATED,
        "model": MODEL,
        "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}],
        "usage": _usage(*usage),
    }


def model_list() -> JSON:
    """What `GET /v1/models` answers."""
    model: JSON = {"id": MODEL, "object": "model", "created": _CREATED, "owned_by": "tailrace"}
    return {"object": "list", "data": [model]}


def response_head(status: int, headers: Iterable[tuple[str, str]]) -> bytes:
    """Status line and headers of an HTTP/1.1 response."""
    try:
        phrase = http.HTTPStatus(status).phrase
    except ValueError:
        phrase = "Unknown"
    lines = [f"HTTP/1.1 {status} {phrase}", *(f"{name}: {value}" for name, value in headers)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def chunked(data: bytes) -> bytes:
    """`data` as one chunk of a chunked body; empty data ends the body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def _envelope() -> dict[str, JSON]:
    return {
        "id": _ID,
        "object": "chat.completion.chunk",
        "created": _CREATED,
        "model": MODEL,
    }


def _usage(prompt_tokens: int, completion_tokens: int) -> dict[str, JSON]:
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
    }
