"""Floor 1: read_json, a model's whole reply as a JSON object."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Final

from tailrace.errors import ModelProtocolError
from tailrace.events.event import JSON
from tailrace.llm.base import Delta, FinishReason, Usage, Wait
from tailrace.llm.chat_protocol import parse_object

MAX_JSON_CHARS: Final = 1024 * 1024
_MAX_PREFACE_CHARS: Final = 400
"""A model that has said so much and begun no object is writing prose; nobody waits for its end."""

OnWait = Callable[[Wait], Awaitable[None]]
"""Told why there is no reply yet, each time that changes."""


async def read_json(
    stream: AsyncGenerator[Delta, None], on_wait: OnWait | None
) -> tuple[dict[str, JSON], Usage]:
    """The object that `stream` amounts to, and what it took.

    Raises:
        ModelError: as the stream.
        ModelProtocolError: the reply is no JSON object, or longer than a million characters.
    """
    parts: list[str] = []
    size, begun, last = 0, False, Delta()
    async with aclosing(stream) as deltas:
        async for delta in deltas:
            if delta.wait is not None and on_wait is not None:
                await on_wait(delta.wait)
            parts.append(delta.text)
            size += len(delta.text)
            last = delta
            begun = begun or "{" in delta.text
            if size > _MAX_PREFACE_CHARS and not begun:
                msg = "the model writes prose where it was asked for a JSON object"
                raise ModelProtocolError(msg)
            if size > MAX_JSON_CHARS:
                msg = f"the model's JSON is longer than {MAX_JSON_CHARS:,} characters"
                raise ModelProtocolError(msg)
    parsed = parse_object("".join(parts))
    if parsed is None or last.usage is None:
        cut = last.finish_reason is FinishReason.LENGTH
        why = "was cut at its token limit" if cut else "is not the JSON object it was asked for"
        msg = f"the model's reply {why}"
        raise ModelProtocolError(msg)
    return parsed, last.usage
