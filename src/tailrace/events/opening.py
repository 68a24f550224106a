"""Floor 0: event 1 of every log, committed with the run itself. Pure: the time is handed in."""

from datetime import datetime
from typing import Final

from tailrace.events.event import StreamEvent
from tailrace.events.types import EventType, RunKind, WorkflowStage

_RECEIVED: Final = {
    RunKind.CHAT: "Question received",
    RunKind.INGEST: "Documents are to be read",
}


def opening(
    *,
    run_id: str,
    session_id: str,
    conversation_id: int | None,
    user_message_id: int | None,
    assistant_message_id: int | None,
    at: datetime,
    kind: RunKind = RunKind.CHAT,
) -> StreamEvent:
    """`running` at `init`: the run is accepted; all ids a client needs to follow and stop it."""
    return StreamEvent(
        type=EventType.RUNNING,
        content=_RECEIVED[kind],
        stage=WorkflowStage.INIT,
        timestamp=at,
        metadata={
            "run_id": run_id,
            "workflow_id": run_id,
            "session_id": session_id,
            "conversation_id": conversation_id,
            "user_message_id": user_message_id,
            "assistant_message_id": assistant_message_id,
            **({} if kind is RunKind.CHAT else {"kind": kind.value}),
        },
        run_id=run_id,
        gen=1,
        seq=1,
        epoch=1,
    )
