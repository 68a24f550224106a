"""Floor 0: what a run asks its user and what it is told, in two events. Pure: the time is given.

Rule 1: `input_required` asks; from its commit on the run waits, until a `done` with the same
    `request_id` has the answer, or a terminal event ends it.
"""

from datetime import datetime
from typing import cast

import msgspec

from tailrace.events.event import JSON, StreamEvent
from tailrace.events.types import EventType, NodeType, WorkflowStage


class InputRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a run waits for.

    Attributes:
        request_id: Names it; an answer has to name it too.
        question: What is asked.
        expires_at: When the run ends without an answer; aware, UTC.
        options: Answers to choose from; others are taken as well.
    """

    request_id: str
    question: str
    expires_at: datetime
    options: tuple[str, ...] = ()

    @classmethod
    def of(cls, event: StreamEvent) -> "InputRequest":
        """What `event`, an `input_required`, asks for."""
        return msgspec.convert(event.metadata, cls)

    def to_dict(self) -> dict[str, JSON]:
        """The request as a JSON object: the metadata of its event."""
        data = cast("dict[str, JSON]", msgspec.to_builtins(self))
        if self.options:
            data["options"] = [*self.options]  # as JSON has it
        return data


def asking(
    request: InputRequest, *, stage: WorkflowStage, node: NodeType, at: datetime
) -> StreamEvent:
    """The event that asks the run's user for `request`."""
    return StreamEvent(
        type=EventType.INPUT_REQUIRED,
        content=request.question,
        timestamp=at,
        stage=stage,
        node=node,
        metadata=request.to_dict(),
    )


def answering(asked: StreamEvent, text: str, at: datetime) -> StreamEvent:
    """The event that has `text`, the user's answer to `asked`; said by the node that asked."""
    return StreamEvent(
        type=EventType.DONE,
        content="Your answer was taken",
        timestamp=at,
        stage=asked.stage,
        node=asked.node,
        metadata={"request_id": asked.metadata["request_id"], "input": text},
    )


def is_answer(event: StreamEvent) -> bool:
    """Whether `event` has what a user answered."""
    return event.type is EventType.DONE and "request_id" in event.metadata
