"""Floor 5: ChatRequest, what a client asks for, checked once.

Rule 1: only the keys named here act; everything else a client sends is ignored, and nothing in
    `context` can stand in for the question, the session or the owner.
"""

import hashlib
import re
from enum import StrEnum
from typing import Final, assert_never, cast

import msgspec

from tailrace.errors import InvalidRequestError
from tailrace.events.event import JSON
from tailrace.events.types import RunKind
from tailrace.settings import Settings
from tailrace.state.state import IngestTarget, Query, Turn
from tailrace.stores.base import RunRow

MAX_CANCEL_AFTER_S: Final = 24 * 3600.0
_CANCEL_AFTER: Final = re.compile(r"cancel_after:([0-9]{1,5}(?:\.[0-9]{1,3})?)")


class OnConflict(StrEnum):
    """What a new run does where its conversation has one that has not ended.

    One that waits for its user is in nobody's way: only `INTERRUPT` minds it, and ends it too.
    """

    ENQUEUE = "enqueue"
    """It waits until those before it have ended."""
    REJECT = "reject"
    """It is refused."""
    INTERRUPT = "interrupt"
    """It ends those before it as cancelled, what they wrote is kept, and goes on in their place."""


def cancel_after_s(on_disconnect: str) -> float | None:
    """How long after its last viewer left a run is cancelled; None where it goes on.

    Raises:
        InvalidRequestError: it is none of `continue`, `cancel` and `cancel_after:<s>`.
    """
    if on_disconnect == "continue":
        return None
    if on_disconnect == "cancel":
        return 0.0
    found = _CANCEL_AFTER.fullmatch(on_disconnect)
    after_s = float(found[1]) if found else MAX_CANCEL_AFTER_S + 1
    if after_s > MAX_CANCEL_AFTER_S:
        msg = (
            f"`on_disconnect` is {on_disconnect[:40]!a}; send `continue`, `cancel`, or "
            f"`cancel_after:30`: seconds, {MAX_CANCEL_AFTER_S:,.0f} at most"
        )
        raise InvalidRequestError(msg)
    return after_s


class ChatContext(msgspec.Struct, frozen=True, kw_only=True):
    """What lies around the question.

    Attributes:
        chat_history: Earlier turns; count where the run's conversation has none, or there is none.
        selected_content: What is selected in the open document.
        document_id: The open document.
    """

    chat_history: tuple[Turn, ...] = ()
    selected_content: str = ""
    document_id: int | None = None


class ChatRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A question, and where it belongs.

    Attributes:
        interactive: Whether this client can answer a question while the run waits; otherwise a
            question is the answer.
        retry_of: The ended run of the same conversation whose question it asks again; None where
            it is a new one.
        on_conflict: What it does where its conversation has a run that has not ended.
        on_disconnect: What becomes of it once its last viewer has left: see `cancel_after_s`.
    """

    query: str
    context: ChatContext = ChatContext()
    session_id: str | None = None
    user_id: str | None = None
    conversation_id: int | None = None
    interactive: bool = False
    retry_of: str | None = None
    on_conflict: OnConflict = OnConflict.ENQUEUE
    on_disconnect: str = "continue"

    def check(self, settings: Settings) -> None:
        """Nothing, where the request is within its limits.

        Raises:
            InvalidRequestError: the question is empty or too long, it tries a run again without
                naming its conversation, or `on_disconnect` has not its form.
        """
        if not self.query.strip():
            msg = "the question is empty; send some text as `query`"
            raise InvalidRequestError(msg)
        if len(self.query) > settings.max_query_chars:
            msg = (
                f"the question has {len(self.query):,} characters; the limit is "
                f"{settings.max_query_chars:,}. Add long text as a document instead"
            )
            raise InvalidRequestError(msg)
        if self.retry_of is not None and self.conversation_id is None:
            msg = "`retry_of` needs the `conversation_id` of the run that is tried again"
            raise InvalidRequestError(msg)
        cancel_after_s(self.on_disconnect)

    @classmethod
    def from_dict(cls, data: dict[str, JSON]) -> "ChatRequest":
        """The request that `to_dict` wrote as `data`."""
        return msgspec.convert(data, cls)

    def to_dict(self) -> dict[str, JSON]:
        """The request as it is kept with its run."""
        return cast("dict[str, JSON]", msgspec.to_builtins(self))

    def sha256(self) -> str:
        """The hash that tells a repeat of this request from another one."""
        return hashlib.sha256(msgspec.json.encode(self, order="sorted")).hexdigest()

    def to_query(self, owner: str, session_id: str, stored_history: tuple[Turn, ...]) -> Query:
        """What the nodes work from; a last turn that repeats the question is dropped.

        What is stored counts; what the client sends only where nothing is, as in a conversation
        it begins with the turns of another.
        """
        history = stored_history or self.context.chat_history
        if history and history[-1] == Turn("user", self.query):
            history = history[:-1]
        return Query(
            text=self.query,
            owner=owner,
            session_id=session_id,
            user_id=self.user_id,
            conversation_id=self.conversation_id,
            history=history,
            document_id=self.context.document_id,
            selected_content=self.context.selected_content,
            interactive=self.interactive,
        )


class IngestRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be read in.

    Attributes:
        target: A path, an address, or all that was added before.
        on_disconnect: As that of a `ChatRequest`; nobody has to look on while documents are read.
    """

    target: IngestTarget = IngestTarget()
    on_conflict: OnConflict = OnConflict.ENQUEUE
    on_disconnect: str = "continue"

    @property
    def query(self) -> str:
        """What is asked for, for people."""
        target = self.target
        return f"Read {target.path or target.url or 'again what was added'}"

    def to_dict(self) -> dict[str, JSON]:
        """The request as it is kept with its run."""
        return cast("dict[str, JSON]", msgspec.to_builtins(self))

    def sha256(self) -> str:
        """The hash that tells a repeat of this request from another one."""
        return hashlib.sha256(msgspec.json.encode(self, order="sorted")).hexdigest()

    def to_query(self, owner: str, session_id: str, stored_history: tuple[Turn, ...]) -> Query:
        """What the node works from."""
        del stored_history  # it belongs to no conversation
        return Query(text=self.query, owner=owner, session_id=session_id, ingest=self.target)


def request_of(run: RunRow) -> ChatRequest | IngestRequest:
    """The request that was kept with `run`."""
    match run.kind:
        case RunKind.CHAT:
            return ChatRequest.from_dict(run.request)
        case RunKind.INGEST:
            return msgspec.convert(run.request, IngestRequest)
    assert_never(run.kind)
