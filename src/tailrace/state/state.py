"""Floor 2: WorkflowState, what the nodes of one run have worked out so far.

Rule 1: a state belongs to one run and to the task that executes it.
Rule 2: the stage changes only through `update_stage`, which obeys the transition table.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import msgspec

from tailrace.events.asking import InputRequest
from tailrace.events.event import JSON, StreamEvent
from tailrace.events.types import Outcome, WorkflowStage
from tailrace.state.transitions import check_transition


class QueryType(StrEnum):
    """What a person wants."""

    SIMPLE_CHAT = "simple_chat"
    QA_ANALYSIS = "qa_analysis"
    DOCUMENT_EDIT = "document_edit"
    CONTENT_GENERATION = "content_generation"
    CLARIFICATION_NEEDED = "clarification_needed"


class Sufficiency(StrEnum):
    """Whether what was found is enough to answer from."""

    SUFFICIENT = "sufficient"
    PARTIAL = "partial"
    INSUFFICIENT = "insufficient"
    UNKNOWN = "unknown"


class Turn(msgspec.Struct, frozen=True):
    """One turn of the conversation so far; role is `user` or `assistant`."""

    role: str
    content: str


class UserInput(msgspec.Struct, frozen=True, kw_only=True):
    """What a person was asked while their run waited, and what they answered."""

    question: str
    text: str


class IngestTarget(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be read in; all that was added before, where neither is named.

    Attributes:
        path: A folder or a file of this machine.
        url: A page of the web.
        until_embedded: Whether its vectors are waited for, once it is searchable; they are made
            either way.
    """

    path: str = ""
    url: str = ""
    until_embedded: bool = True


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked, and what lies open beside it.

    Attributes:
        text: The question.
        owner: Whose documents count.
        history: The conversation before this question, oldest first.
        document_id: The document that is open; None where none is.
        selected_content: What is selected in it; "" where nothing is.
        interactive: Whether the person can be asked back, while the run waits.
        inputs: What they were asked back in this run, and have answered.
        ingest: What is to be read in; None where a question is to be answered.
    """

    text: str
    owner: str = ""
    session_id: str = ""
    user_id: str | None = None
    conversation_id: int | None = None
    history: tuple[Turn, ...] = ()
    document_id: int | None = None
    selected_content: str = ""
    interactive: bool = False
    inputs: tuple[UserInput, ...] = ()
    ingest: IngestTarget | None = None

    @property
    def said(self) -> str:
        """All that the person said: the question, and what they answered when asked back."""
        return "\n".join([self.text, *(each.text for each in self.inputs)])


class Intent(msgspec.Struct, frozen=True, kw_only=True):
    """What a person means; `enhanced_query` is what is searched for."""

    type: QueryType
    original_query: str
    enhanced_query: str
    clarifying_question: str = ""


class ContextItem(msgspec.Struct, frozen=True, kw_only=True):
    """A passage to answer from.

    Attributes:
        id: Stable within the run.
        char_start: First code point of `text` in the document's revision.
        char_end: One past the last.
        score: Higher is better; comparable only within one search.
        page: The page it starts on, from 1; None where there are none.
        first_rank: Whether it is the open document or the selection.
    """

    id: str
    document_id: int
    revision: int
    title: str
    text: str
    char_start: int
    char_end: int
    score: float
    page: int | None = None
    first_rank: bool = False


class ContextCollection(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was gathered, best first."""

    items: tuple[ContextItem, ...] = ()
    sufficiency: Sufficiency = Sufficiency.UNKNOWN
    rounds: int = 0


def _no_events() -> Sequence[StreamEvent]:
    return ()


@dataclass(slots=True, kw_only=True)
class WorkflowState:
    """What one run has worked out so far.

    Attributes:
        run_id: The run; the seed's `workflow_id`.
        streaming_enabled: Whether the run ends with `stream_complete` rather than `completed`.
        final_content: The whole answer, once there is one.
        outcome: How the run ends; None while it goes on. A node that sets it, before it ends its
            stage, ends the run.
        finished: The stages whose results are kept; they are not run again.
        waiting_for: What the run waits for its user to say; None where it does not wait. A node
            sets it with `ask`, and is run again once there is an answer.
        newest_events: Gives the newest events of the log.
    """

    run_id: str
    query: Query
    streaming_enabled: bool = True
    stage: WorkflowStage = WorkflowStage.INIT
    intent: Intent | None = None
    contexts: ContextCollection = field(default_factory=ContextCollection)
    final_content: str = ""
    outcome: Outcome | None = None
    finished: list[WorkflowStage] = field(default_factory=list[WorkflowStage])
    waiting_for: InputRequest | None = None
    errors: list[str] = field(default_factory=list[str])
    newest_events: Callable[[], Sequence[StreamEvent]] = _no_events

    @property
    def event_buffer(self) -> Sequence[StreamEvent]:
        """The newest events of the run's log, read-only."""
        return self.newest_events()

    def update_stage(self, stage: WorkflowStage) -> None:
        """Go on to `stage`.

        Raises:
            ConflictError: it may not follow the present one.
        """
        check_transition(self.stage, stage)
        self.stage = stage

    def to_dict(self) -> dict[str, JSON]:
        """The state as the seed's routes show it; what is not known yet is left out."""
        data: dict[str, JSON] = {
            "success": self.stage is WorkflowStage.COMPLETED,
            "workflow_id": self.run_id,
            "stage": self.stage.value,
            "query": self.query.text,
        }
        if self.intent is not None:
            data["intent"] = {
                "type": self.intent.type.value,
                "enhanced_query": self.intent.enhanced_query,
                "original_query": self.intent.original_query,
            }
        if self.contexts.rounds or self.contexts.items:
            titles = sorted({item.title for item in self.contexts.items})
            data["context"] = {
                "count": len(self.contexts.items),
                "sufficiency": self.contexts.sufficiency.value,
                "summary": ", ".join(titles),
            }
        if self.final_content:
            data["execution"] = {
                "success": self.outcome in {Outcome.ANSWERED, Outcome.INSUFFICIENT_CONTEXT},
                "outputs": [self._output()],
                "errors": [*self.errors],
            }
        if self.waiting_for is not None:
            data["input"] = self.waiting_for.to_dict()
        if self.errors:
            data["errors"] = "; ".join(self.errors)
        return data

    def _output(self) -> JSON:
        kinds = {
            QueryType.QA_ANALYSIS: "answer",
            QueryType.DOCUMENT_EDIT: "edited_content",
            QueryType.CONTENT_GENERATION: "generated_content",
        }
        kind = kinds.get(self.intent.type) if self.intent else None
        return {"type": kind, "content": self.final_content} if kind else self.final_content
