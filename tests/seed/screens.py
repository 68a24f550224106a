"""What MineContext's own clients, unmodified, make of the bytes they are sent; pure.

Written from what was observed of their code and from nothing of ours: the lines they read, the
bubble and messages of the desktop application, the timeline and messages of the web page.

Rule 1: a client's defects are kept: a screen shows what a person would have seen.
"""

import codecs
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

Frame = Mapping[str, Any]
Message = dict[str, Any]

NO_MESSAGE: Final = -1

_TIMELINE: Final = {"init", "intent_analysis", "context_gathering", "execution", "reflection"}


class LineReader:
    """Cuts bytes into frames as both clients do.

    At LF, the last partial line waits for its rest; only lines that start exactly with `data: `
    count, each is one JSON document, and one that is none (`[DONE]`) is passed over.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._rest = ""

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that `data` completes."""
        *lines, self._rest = (self._rest + self._decoder.decode(data)).split("\n")
        found = [_parse(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]
        return [frame for frame in found if isinstance(frame, dict)]


def _parse(text: str) -> Any:  # noqa: ANN401 - JSON
    try:
        return json.loads(text)
    except ValueError:
        return None


def _text(frame: Frame) -> str:
    """The content as JavaScript joins it to a text."""
    content = frame.get("content")
    return "null" if content is None else str(content)


def said(messages: list[Message]) -> list[tuple[str, str]]:
    """Who said what, of the messages that say something."""
    return [(each["role"], each["content"]) for each in messages if each["content"].strip()]


@dataclass
class Desktop:
    """The chat of the desktop application; it goes by a frame's type.

    Attributes:
        messages: The conversation; rows of the server's where a stored one was opened.
        bubble: The text that is growing below them; None without one.
        message_id: The message that Stop stops; it stays when a turn ends.
        error: The banner.
        late_frames: Frames that would have changed the chat after its turn had ended.
    """

    messages: list[Message] = field(default_factory=list[Message])
    bubble: str | None = None
    chunks_started: bool = False
    stage: str = ""
    error: str | None = None
    loading: bool = False
    session_id: str = ""
    message_id: int = NO_MESSAGE
    late_frames: list[Frame] = field(default_factory=list[Frame])

    def ask(self, query: str) -> None:
        """Show a new turn of the person's; what was left in the bubble is gone."""
        self.messages.append({"role": "user", "content": query})
        self.bubble, self.chunks_started = None, False
        self.error, self.loading = None, True

    def take(self, frame: Frame) -> None:
        """Show one frame."""
        type_ = frame.get("type")
        if not self.loading and type_ not in {"stream_complete", "fail", "interrupted"}:
            self.late_frames.append(frame)
        self.stage = str(frame.get("stage") or self.stage)
        match type_:
            case "session_start":
                self._start(frame)
            case "thinking" | "running":
                self.bubble = _text(frame)
            case "stream_chunk":
                self.bubble = (self.bubble or "") * self.chunks_started + _text(frame)
                self.chunks_started = True
            case "stream_complete":
                self._commit(self.bubble or "")
                self.stage = "completed"
            case "completed":
                self._commit(_text(frame))
                self.chunks_started = False
            case "fail":
                self.bubble, self.error, self.loading = None, _text(frame), False
            case _:  # `done` changes the stage alone; the rest is unknown to it
                pass

    def end(self) -> None:
        """The response has ended."""
        self.loading = False

    def lose(self, error: str | None) -> None:
        """The request was refused, broke off or was aborted: what was in the bubble is gone."""
        self.bubble, self.error, self.loading = None, error, False

    def _start(self, frame: Frame) -> None:
        if frame.get("session_id"):
            self.session_id = str(frame["session_id"])
            self.message_id = int(frame.get("assistant_message_id") or NO_MESSAGE)

    def _commit(self, text: str) -> None:
        if text.strip():
            self.messages.append({"role": "assistant", "content": text})
        self.bubble, self.loading = None, False


@dataclass
class Page:
    """The chat of the web page; it goes by a frame's stage.

    Attributes:
        timeline: The stages it has shown.
        errors: Its error bubbles.
    """

    messages: list[Message] = field(default_factory=list[Message])
    timeline: list[str] = field(default_factory=list[str])
    errors: list[str] = field(default_factory=list[str])
    session_id: str | None = None

    def ask(self, query: str) -> None:
        """Show a new turn of the person's."""
        self.messages.append({"role": "user", "content": query})
        self.timeline.clear()
        self.errors.clear()

    def take(self, frame: Frame) -> None:
        """Show one frame."""
        type_, stage = frame.get("type"), frame.get("stage")
        if type_ == "session_start":
            self.session_id = frame.get("session_id")
        elif stage in _TIMELINE:
            if type_ in {"thinking", "running", "done"}:
                self.timeline.append(str(stage))
        elif stage == "completed":
            if type_ == "completed" and frame.get("content"):
                self.messages.append({"role": "assistant", "content": _text(frame)})
        elif stage == "failed" or type_ == "error":
            self.errors.append(_text(frame))
