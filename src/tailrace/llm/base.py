"""Floor 1: what a model client promises; `tailrace.testing.llm` proves it for anybody's.

Rule 1: whatever goes wrong is raised as a `ModelError` with a code of ours; nothing else escapes
    but `CancelledError`.
Rule 2: leaving a stream closes its connection at once, whatever state it is in.
Rule 3: a stream that ends without a finish reason was cut, and raises.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from enum import StrEnum
from typing import Literal, Protocol

import msgspec

from tailrace.events.event import JSON


class Message(msgspec.Struct, frozen=True):
    """One turn of what a model is told; `content` is text."""

    role: Literal["system", "user", "assistant"]
    content: str


class FinishReason(StrEnum):
    """Why a model stopped."""

    STOP = "stop"
    LENGTH = "length"
    TOOL_CALLS = "tool_calls"
    CONTENT_FILTER = "content_filter"
    OTHER = "other"


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens of one model call; `estimated` where the endpoint reported none."""

    prompt_tokens: int
    completion_tokens: int
    estimated: bool = False


class WaitKind(StrEnum):
    """What a call waits for before its first token."""

    QUEUE = "queue"
    LOADING = "loading"
    PREFILL = "prefill"


class Wait(msgspec.Struct, frozen=True, kw_only=True):
    """Why there is no token yet.

    Attributes:
        position: Calls ahead in the queue; None unless kind is QUEUE.
        progress: Share of the prompt that is read, 0.0 to 1.0; None unless kind is PREFILL.
    """

    kind: WaitKind
    position: int | None = None
    progress: float | None = None


class Delta(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One increment of a model's reply; usually one field is set."""

    text: str = ""
    reasoning: str = ""
    wait: Wait | None = None
    usage: Usage | None = None
    finish_reason: FinishReason | None = None


class LLMRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a model is asked.

    Attributes:
        max_tokens: Limit of the reply; None for the endpoint's own.
        temperature: 0.0 to 2.0; None for the endpoint's own.
        schema: A JSON schema the reply must obey; None for free text.
    """

    messages: Sequence[Message]
    max_tokens: int | None = None
    temperature: float | None = None
    schema: dict[str, JSON] | None = None


class ModelInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a model before it is asked.

    Attributes:
        name: As the endpoint calls it.
        context_tokens: How much it reads; None where unknown.
        embedded: Whether it runs on this machine under our supervision.
        smoke_test_only: Whether it is too small to be of use.
    """

    name: str
    context_tokens: int | None = None
    embedded: bool = False
    smoke_test_only: bool = False


class LLMClient(Protocol):
    """A language model, wherever it runs."""

    @property
    def info(self) -> ModelInfo | None:
        """The model this client speaks to; None while there is none to speak to."""
        ...

    def stream(self, request: LLMRequest) -> AsyncGenerator[Delta, None]:
        """The reply as it comes; the last delta has the finish reason and usage.

        Close the generator (`contextlib.aclosing`) to stop the model.

        Raises:
            ModelError: of the class that says what happened.
        """
        ...

    async def complete_json(
        self, request: LLMRequest, on_wait: Callable[[Wait], Awaitable[None]] | None = None
    ) -> tuple[dict[str, JSON], Usage]:
        """The whole reply as the JSON object that `request.schema` describes.

        `on_wait` is told why there is none yet, each time that changes.

        Raises:
            ModelError: as `stream`; `ModelProtocolError` where the reply is no JSON object.
        """
        ...

    async def aclose(self) -> None:
        """Close connections, and stop what this client started."""
        ...
