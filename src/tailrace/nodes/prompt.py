"""Floor 3: Prompt, what a model is told, from a file in `prompts/`.

A prompt file is a conversation: a line `<!-- system -->`, `<!-- user -->` or `<!-- assistant -->`
begins a turn, `<!-- history -->` is where earlier turns go, and `$name` is a place for a value.

Rule 1: a file is cut into its turns before values are put in, so no value can begin a turn.
Rule 2: no value can hold a token that a model's own template means by a turn; see `plain`.
Rule 3: turns alternate, as the templates of some models demand; neighbours of one role are joined.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from string import Template
from typing import Final, Literal, cast

from tailrace.llm.base import Message
from tailrace.state.state import Turn

Role = Literal["system", "user", "assistant"]

_TURN: Final = re.compile(r"^<!-- (system|user|assistant|history) -->\n", re.MULTILINE)

# Runtimes read such tokens as the end of a turn even inside a message.
# Source: llama.cpp tokenises a rendered chat template with `parse_special`; ChatML, Llama 3,
# DeepSeek (with full-width bars), Gemma and Mistral write turns this way.
_CONTROL: Final = re.compile(
    r"<(?=[|\uff5c][^<>\s]{1,40}[|\uff5c]>|(?:start|end)_of_turn>)|\[(?=/?INST\])"
)


class Prompt:
    """A conversation with places for values."""

    def __init__(self, text: str) -> None:
        parts = _TURN.split(text)[1:]
        self._turns = [
            (role, Template(body.strip()))
            for role, body in zip(parts[::2], parts[1::2], strict=True)
        ]

    @classmethod
    @cache
    def load(cls, name: str) -> "Prompt":
        """The prompt in `prompts/<name>.md`; read once a process."""
        return cls((files("tailrace.nodes") / "prompts" / f"{name}.md").read_text("utf-8"))

    def messages(self, values: Mapping[str, str], history: Sequence[Turn] = ()) -> list[Message]:
        """The conversation with `values` and `history` in their places.

        Raises:
            KeyError: a place has no value.
        """
        filled = {name: plain(value) for name, value in values.items()}
        messages: list[Message] = []
        for role, template in self._turns:
            if role == "history":
                messages += [_message(turn.role, plain(turn.content)) for turn in history]
            else:
                messages.append(_message(role, template.substitute(filled).strip()))
        return _alternating(messages)


def plain(text: str) -> str:
    """`text` with every token that would begin or end a turn broken by a space."""
    return _CONTROL.sub(lambda found: found[0] + " ", text)


def _message(role: str, content: str) -> Message:
    return Message("assistant" if role == "assistant" else cast("Role", role), content)


def _alternating(messages: Sequence[Message]) -> list[Message]:
    joined: list[Message] = []
    for message in messages:
        if not message.content:
            continue
        if joined and joined[-1].role == message.role:
            joined[-1] = Message(message.role, f"{joined[-1].content}\n\n{message.content}")
        else:
            joined.append(message)
    return joined
