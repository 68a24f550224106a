"""Testing floor: what a scripted model answers: Reply, Fault, and scripts that choose a reply.

A script is one reply for all, a list consumed in order (the last one stays), or a function of the
request. `rules` and `classify_as` make such functions.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from tailrace.events.event import JSON

_WORD = re.compile(r"\s*\S+\s*")


class FaultKind(StrEnum):
    """The ways a scripted model misbehaves."""

    HTTP_STATUS = "http_status"
    CUT = "cut"
    GARBAGE = "garbage"
    WRONG_CONTENT_TYPE = "wrong_content_type"
    EMPTY = "empty"
    ENDLESS = "endless"
    STALL = "stall"
    MUTE = "mute"
    ENORMOUS = "enormous"
    ERROR_EVENT = "error_event"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One way to misbehave; made by the constructors below.

    Attributes:
        after: Chunks that are sent before it; more than there are: after the finish reason.
        inside_chunk: Whether the cut leaves half of the next chunk behind.
        status: HTTP status of the answer.
        headers: Further headers of the answer.
        body: JSON body of the answer.
        size_bytes: Size of the enormous chunk.
    """

    kind: FaultKind
    after: int = 0
    inside_chunk: bool = False
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: JSON = None
    size_bytes: int = 0

    @classmethod
    def http_status(
        cls, status: int, *, retry_after: str | None = None, body: JSON = None
    ) -> "Fault":
        """Answer with `status`, and `Retry-After` where given (seconds or an HTTP date)."""
        error: JSON = {"error": {"message": "raw text of the endpoint", "type": "server_error"}}
        headers = () if retry_after is None else (("retry-after", retry_after),)
        return cls(
            kind=FaultKind.HTTP_STATUS,
            status=status,
            headers=headers,
            body=error if body is None else body,
        )

    @classmethod
    def context_exceeded(cls) -> "Fault":
        """Answer as llama.cpp does when the prompt is larger than its context."""
        return cls.http_status(
            400,
            body={
                "error": {
                    "code": 400,
                    "message": "the request exceeds the available context size (raw text)",
                    "type": "exceed_context_size_error",
                    "n_prompt_tokens": 9000,
                    "n_ctx": 4096,
                }
            },
        )

    @classmethod
    def cut(cls, after: int, *, inside_chunk: bool = False) -> "Fault":
        """Close the connection after `after` chunks, or in the middle of the next."""
        return cls(kind=FaultKind.CUT, after=after, inside_chunk=inside_chunk)

    @classmethod
    def garbage(cls, after: int = 0) -> "Fault":
        """Send something that is not JSON after `after` chunks."""
        return cls(kind=FaultKind.GARBAGE, after=after)

    @classmethod
    def wrong_content_type(cls) -> "Fault":
        """Answer 200 with a web page, as a gateway's sign-in does."""
        return cls(kind=FaultKind.WRONG_CONTENT_TYPE)

    @classmethod
    def empty(cls) -> "Fault":
        """Answer 200 with an event stream that ends before its first event."""
        return cls(kind=FaultKind.EMPTY)

    @classmethod
    def endless(cls) -> "Fault":
        """Repeat the reply's chunks for ever."""
        return cls(kind=FaultKind.ENDLESS)

    @classmethod
    def stall(cls, after: int) -> "Fault":
        """Send `after` chunks, then nothing more, with the connection open."""
        return cls(kind=FaultKind.STALL, after=after)

    @classmethod
    def mute(cls) -> "Fault":
        """Take the request and never answer."""
        return cls(kind=FaultKind.MUTE)

    @classmethod
    def enormous(cls, size_bytes: int, *, after: int = 0) -> "Fault":
        """Send one chunk of `size_bytes` after `after` chunks, then go on."""
        return cls(kind=FaultKind.ENORMOUS, after=after, size_bytes=size_bytes)

    @classmethod
    def error_event(cls, body: JSON, after: int = 0) -> "Fault":
        """Send `body` as an event of its own after `after` chunks, then end the stream."""
        return cls(kind=FaultKind.ERROR_EVENT, after=after, body=body)

    @classmethod
    def refuse(cls) -> "Fault":
        """Reset the connection instead of answering."""
        return cls(kind=FaultKind.REFUSE)


@dataclass(frozen=True, slots=True)
class Reply:
    """What the scripted model answers to one request.

    Attributes:
        text: The answer; split at words into chunks unless `chunks` says how.
        chunks: The answer, chunk by chunk; `text` is ignored then.
        reasoning: Reasoning before the answer, split at words.
        json: The answer as JSON; `text` and `chunks` are ignored then.
        first_delay_s: Wait before the response's first byte.
        chunk_delay_s: Wait before each chunk.
        rate: Chunks per second, kept to absolute times; wins over `chunk_delay_s`.
        before_chunk: Awaited with the number of chunks already sent: a test's own gate.
        usage: Prompt and completion tokens to report; None for a count made from the text.
        reports_usage: Whether usage is reported at all when asked for.
        finish_reason: Why it stopped; None leaves the finish reason out.
        sends_done: Whether `[DONE]` ends the stream.
        progress: `(processed, total)` of the prefill, sent first where `return_progress` is asked.
        fault: How it misbehaves.
    """

    text: str = "A scripted answer."
    chunks: Sequence[str] | None = None
    reasoning: str = ""
    json: JSON = None
    first_delay_s: float = 0.0
    chunk_delay_s: float = 0.0
    rate: float | None = None
    before_chunk: Callable[[int], Awaitable[None]] | None = None
    usage: tuple[int, int] | None = None
    reports_usage: bool = True
    finish_reason: str | None = "stop"
    sends_done: bool = True
    progress: Sequence[tuple[int, int]] = ()
    fault: Fault | None = None

    @property
    def parts(self) -> Sequence[str]:
        """The answer as it is cut into chunks."""
        if self.json is not None:
            return words(msgspec.json.encode(self.json).decode())
        return words(self.text) if self.chunks is None else self.chunks


def words(text: str) -> list[str]:
    """`text` cut at its words, each with the white space that follows; joined, it is `text`."""
    return _WORD.findall(text) or ([text] if text else [])


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One chat-completion request as it arrived.

    Attributes:
        body: The parsed JSON.
        headers: Header names in lower case.
    """

    body: Mapping[str, JSON]
    headers: Mapping[str, str]

    @property
    def contents(self) -> list[str]:
        """The text of each message, in order."""
        messages = self.body.get("messages")
        if not isinstance(messages, list):
            return []
        return [str(m.get("content") or "") for m in messages if isinstance(m, dict)]

    @property
    def text(self) -> str:
        """The text of all messages, a line each."""
        return "\n".join(self.contents)

    @property
    def streams(self) -> bool:
        """Whether a stream was asked for."""
        return self.body.get("stream") is True

    @property
    def wants_usage(self) -> bool:
        """Whether usage was asked for in the stream."""
        options = self.body.get("stream_options")
        return isinstance(options, dict) and options.get("include_usage") is True

    @property
    def schema(self) -> dict[str, JSON] | None:
        """The JSON schema the reply shall obey; None for free text."""
        response_format = self.body.get("response_format")
        if not isinstance(response_format, dict):
            return None
        wrapper = response_format.get("json_schema")
        schema = wrapper.get("schema") if isinstance(wrapper, dict) else None
        return schema if isinstance(schema, dict) else None


Script = Reply | Sequence[Reply] | Callable[[ChatRequest], Reply]


def rules(replies: Mapping[str, Reply], default: Reply | None = None) -> Script:
    """A script: the first of `replies` whose key occurs in the messages, else `default`."""

    def choose(request: ChatRequest) -> Reply:
        text = request.text
        for part, reply in replies.items():
            if part in text:
                return reply
        return default or Reply()

    return choose


def classify_as(
    intent: str, then: Script | None = None, fields: Mapping[str, JSON] | None = None
) -> Script:
    """A script that answers JSON-schema requests with `intent`, and all others from `then`.

    The JSON has every property the schema requires: `fields` first, `intent` wherever an enum
    offers it, and an empty value of the right type elsewhere.
    """
    others = script_player(Reply() if then is None else then)

    def choose(request: ChatRequest) -> Reply:
        if request.schema is None:
            return others(request)
        return Reply(json=_fill(request.schema, intent, fields or {}))

    return choose


def ask_back(question: str, intent: str, then: Script | None = None) -> Script:
    """A script that answers JSON-schema requests with `question`, until a request tells of it.

    Such a request, and all others, it answers as `classify_as` does with `intent` and `then`.
    """
    asks = classify_as("clarification_needed", fields={"question": question})
    answers = script_player(classify_as(intent, then))
    asking = script_player(asks)

    def choose(request: ChatRequest) -> Reply:
        told = request.schema is None or question in request.text
        return answers(request) if told else asking(request)

    return choose


def script_player(script: Script) -> Callable[[ChatRequest], Reply]:
    """`script` as a function; a list is consumed in order and its last reply stays."""
    if isinstance(script, Reply):
        return lambda _request: script
    if callable(script):
        return script
    left = list(script)
    return lambda _request: left.pop(0) if len(left) > 1 else left[0]


def _fill(schema: Mapping[str, JSON], intent: str, fields: Mapping[str, JSON]) -> dict[str, JSON]:
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return dict(fields)
    required = schema.get("required")
    names = required if isinstance(required, list) else list(properties)
    filled = {str(name): _example(properties.get(str(name)), intent) for name in names}
    return {**filled, **fields}


def _example(schema: JSON, intent: str) -> JSON:
    if not isinstance(schema, dict):
        return None
    choices = schema.get("enum")
    if isinstance(choices, list):
        return intent if intent in choices else choices[0]
    kinds = schema.get("type")
    kind = kinds[0] if isinstance(kinds, list) else kinds
    empty: dict[JSON, JSON] = {
        "string": "",
        "number": 0.9,
        "integer": 1,
        "boolean": False,
        "array": [],
    }
    return _fill(schema, intent, {}) if kind == "object" else empty.get(kind)
