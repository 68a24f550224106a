"""Floor 1: Question, what a client asks, as the server's routes take it."""

from typing import Literal

import msgspec

from tailrace.events.event import JSON


class Question(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A question, and where it belongs.

    Attributes:
        query: What is asked.
        conversation_id: Its conversation, whose history then counts; None for one without.
        session_id: The client's session; one is made where there is none.
        interactive: Whether this client can answer what the run asks of it.
        retry_of: A run of the same conversation whose question this asks again.
        on_conflict: What becomes of it where its conversation has a run that has not ended: it
            waits, is refused, or takes its place.
        on_disconnect: What becomes of it once its last viewer has left: `continue`, `cancel`, or
            `cancel_after:<s>`.
        context: `document_id`, `selected_content`, `chat_history`, as the routes' page says.
    """

    query: str
    conversation_id: int | None = None
    session_id: str | None = None
    interactive: bool = False
    retry_of: str | None = None
    on_conflict: Literal["enqueue", "reject", "interrupt"] = "enqueue"
    on_disconnect: str = "continue"
    context: dict[str, JSON] = {}

    def to_body(self) -> dict[str, JSON]:
        """The request's body."""
        return msgspec.to_builtins(self)
