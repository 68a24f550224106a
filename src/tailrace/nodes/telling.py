"""Floor 3: tell, a model's reply on its way into the log, as it comes.

Rule 1: one `emit` an increment; nothing is collected first.
Rule 2: why there is no text yet is said only before the first increment: afterwards it would
    stand in the way of the answer.
Rule 3: a reply over its limits ends the run as `limit_exceeded`; what came before is kept.
Rule 4: leaving closes the model's stream, whatever the reason.
"""

from contextlib import aclosing
from typing import Final, assert_never

from tailrace.errors import (
    LimitExceededError,
    ModelError,
    ModelProtocolError,
    ModelRejectedError,
)
from tailrace.events.event import JSON, StreamEvent
from tailrace.events.types import EventType
from tailrace.llm.base import Delta, FinishReason, LLMRequest, Usage, Wait, WaitKind
from tailrace.nodes.base import BaseNode
from tailrace.nodes.scope import RunScope
from tailrace.nodes.spending import say_usage
from tailrace.nodes.tokens import estimate_prompt_tokens, estimate_tokens
from tailrace.nodes.voice import Voice
from tailrace.settings import Settings

_BYTES_A_TOKEN: Final = 4


class Reply:
    """What a model has said so far, and whether it may go on.

    Attributes:
        finish_reason: Why it stopped; OTHER while it has not.
        usage: Tokens of the call; None while the model has not said.
    """

    def __init__(self, settings: Settings) -> None:
        self.finish_reason = FinishReason.OTHER
        self.usage: Usage | None = None
        self._max_tokens = settings.max_answer_tokens
        self._max_bytes = settings.max_answer_bytes
        self._parts: list[str] = []
        self._increments = 0
        self._size_bytes = 0

    @property
    def text(self) -> str:
        """The answer, without the reasoning."""
        return "".join(self._parts)

    @property
    def begun(self) -> bool:
        """Whether there was an increment already, of the answer or of reasoning."""
        return self._increments > 0

    @property
    def exceeded(self) -> bool:
        """Whether a limit is behind us.

        Tokens are counted low, so that a model which keeps to its limit is never blamed: an
        increment has one token or more, and a token about four bytes.
        """
        tokens = min(self._increments, self._size_bytes // _BYTES_A_TOKEN)
        return self._size_bytes > self._max_bytes or tokens > self._max_tokens

    @property
    def remark(self) -> str:
        """What people should know of how it ended; "" where it ended well."""
        match self.finish_reason:
            case FinishReason.LENGTH:
                return "The answer was cut off: it reached the model's length limit"
            case FinishReason.CONTENT_FILTER:
                return "The answer was cut off by the model's content filter"
            case _:
                return ""

    def admit(self, increment: str) -> str:
        """As much of `increment` as the limit in bytes leaves room for."""
        room_bytes = self._max_bytes - self._size_bytes
        size_bytes = len(increment) if increment.isascii() else len(increment.encode())
        self._increments += 1
        self._size_bytes += size_bytes
        if size_bytes <= room_bytes:
            return increment
        return increment.encode()[: max(0, room_bytes)].decode(errors="ignore")

    def keep(self, text: str) -> None:
        """Remember `text` as part of the answer."""
        self._parts.append(text)

    def check(self) -> None:
        """Nothing, where the reply that has ended says something.

        Raises:
            ModelRejectedError: it is empty, because the provider withheld it.
            ModelProtocolError: it is empty for another reason.
        """
        if any(part.strip() for part in self._parts):
            return
        if self.finish_reason is FinishReason.CONTENT_FILTER:
            msg = "the model's provider withheld the answer; ask in another way"
            raise ModelRejectedError(msg)
        if self.finish_reason is FinishReason.LENGTH:
            msg = "the model reached its length limit before it began to answer; allow it more"
            raise ModelProtocolError(msg, retryable=False)
        msg = "the model answered with nothing; ask again, or choose another model"
        raise ModelProtocolError(msg)


async def write(node: BaseNode, scope: RunScope, text: str) -> None:
    """Add `text`, which no model wrote, to the answer."""
    await Voice(node, scope).write(text)


async def tell(
    node: BaseNode,
    scope: RunScope,
    request: LLMRequest,
    *,
    reading: str,
    label: str = "",
    voice: Voice | None = None,
) -> Reply:
    """The model's reply to `request`, emitted as it comes.

    Args:
        node: Which node speaks.
        scope: The run.
        request: What the model is asked.
        reading: What it reads before it answers, for people: "Reading the passages".
        label: Put before the first text; not part of the reply.
        voice: Says its text; without one, as it is.

    Raises:
        LimitExceededError: the reply is over the limits of one answer.
        ModelError: the model erred, or said nothing.
    """
    reply = Reply(scope.settings)
    voice = voice or Voice(node, scope)
    try:
        async with aclosing(scope.llm.stream(request)) as deltas:
            async for delta in deltas:
                if delta.text or delta.reasoning:
                    if label and delta.text:
                        await voice.write(label)
                        label = ""
                    await _take(node, scope, reply, delta, voice)
                elif delta.wait is not None and not reply.begun:
                    await say_wait(node, scope, delta.wait, reading)
                if delta.usage is not None:
                    reply.usage = delta.usage
                if delta.finish_reason is not None:
                    reply.finish_reason = delta.finish_reason
    except (ModelError, LimitExceededError):
        reply.keep(await voice.flush())
        if reply.begun:
            await say_usage(node, scope, _estimate(request, reply))
        raise
    reply.keep(await voice.end())
    await say_usage(node, scope, reply.usage or _estimate(request, reply))
    reply.check()
    return reply


async def _take(node: BaseNode, scope: RunScope, reply: Reply, delta: Delta, voice: Voice) -> None:
    """Emit what `delta` adds, reasoning first.

    Raises:
        LimitExceededError: that was more than the limits allow.
    """
    if delta.reasoning:
        reasoning = reply.admit(delta.reasoning)
        await scope.emit(
            StreamEvent(
                type=EventType.REASONING_CHUNK,
                content=reasoning,
                timestamp=scope.clock.now(),
                stage=node.stage,
                node=node.type,
            )
        )
    if delta.text:
        reply.keep(await voice.speak(reply.admit(delta.text)))
    if reply.exceeded:
        settings = scope.settings
        msg = (
            f"the model wrote more than one answer may have ({settings.max_answer_tokens:,} tokens "
            f"or {settings.max_answer_bytes:,} bytes); what it wrote so far is kept"
        )
        raise LimitExceededError(msg)


async def say_wait(node: BaseNode, scope: RunScope, wait: Wait, reading: str) -> None:
    """Say why the model says nothing yet; `reading` is what it reads before it does."""
    metadata: dict[str, JSON] = {"wait": wait.kind.value}
    match wait.kind:
        case WaitKind.QUEUE:
            message = "Waiting for the model"
            if wait.position is not None:
                message += f": {wait.position} ahead of you"
                metadata["position"] = wait.position
        case WaitKind.LOADING:
            message = "Loading the model"
        case WaitKind.PREFILL:
            message = reading if wait.progress is None else f"{reading}: {wait.progress:.0%}"
        case _:
            assert_never(wait.kind)
    await node.say(scope, EventType.RUNNING, message, progress=wait.progress, metadata=metadata)


def _estimate(request: LLMRequest, reply: Reply) -> Usage:
    return Usage(
        prompt_tokens=estimate_prompt_tokens(request.messages),
        completion_tokens=estimate_tokens(reply.text),
        estimated=True,
    )
