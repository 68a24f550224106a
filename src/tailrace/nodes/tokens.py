"""Floor 3: how much a model is told, estimated; no tokenizer is asked. Pure.

Rule: an estimate errs by about a third either way, so nothing that must be exact rests on one.
"""

from collections.abc import Sequence
from typing import Final

from tailrace.llm.base import Message, ModelInfo

_BYTES_A_TOKEN: Final = 4
"""English prose has about four characters a token, Chinese about three bytes a character and a
little more than one character a token; bytes serve both."""

_MESSAGE_TOKENS: Final = 4
_LEAST_ANSWER_TOKENS: Final = 256


def estimate_tokens(text: str) -> int:
    """About how many tokens `text` is."""
    return -(-_size_bytes(text) // _BYTES_A_TOKEN)


def estimate_prompt_tokens(messages: Sequence[Message]) -> int:
    """About how many tokens a prompt is."""
    return sum(_MESSAGE_TOKENS + estimate_tokens(message.content) for message in messages)


def leading(text: str, tokens: int) -> str:
    """The beginning of `text`, about `tokens` long, cut at a line or a word where that is near."""
    encoded = text.encode()
    room_bytes = max(0, tokens) * _BYTES_A_TOKEN
    if len(encoded) <= room_bytes:
        return text
    head = encoded[:room_bytes].decode(errors="ignore")
    for end in ("\n", " "):
        at = head.rfind(end)
        if at > len(head) // 2:
            return head[:at]
    return head


def answer_tokens(info: ModelInfo | None, prompt_tokens: int, limit: int) -> int:
    """How long an answer may be: `limit`, or what the model's context leaves, if that is known."""
    if info is None or info.context_tokens is None:
        return limit
    return min(limit, max(_LEAST_ANSWER_TOKENS, info.context_tokens - prompt_tokens))


def _size_bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())
