"""Floor 3: ExecutorNode writes the answer, the edited text or the new one.

Rule 1: what a model reads is in an order that its prefix cache can use: the fixed text, the
    passages, the conversation, the question.
Rule 2: without a model the passages are the answer, and are called what they are.
Rule 3: what an answer rests on is told beside it, by code and never by a model's word alone.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from tailrace.events.event import JSON
from tailrace.events.types import EventType, NodeType, Outcome, WorkflowStage
from tailrace.llm.base import LLMRequest, Message, ModelInfo
from tailrace.nodes.base import BaseNode
from tailrace.nodes.citing import CitingVoice
from tailrace.nodes.edit_text import EditText
from tailrace.nodes.history import history_budget, newest_turns, question_of
from tailrace.nodes.judging import is_strong
from tailrace.nodes.no_model import SMOKE_TEST_LABEL, passages_themselves
from tailrace.nodes.passages import SELECTION_ID, fenced
from tailrace.nodes.prompt import Prompt
from tailrace.nodes.refusal import REFUSAL, is_refusal
from tailrace.nodes.scope import RunScope
from tailrace.nodes.targets import Targets
from tailrace.nodes.telling import tell
from tailrace.nodes.tokens import answer_tokens, estimate_prompt_tokens
from tailrace.nodes.voice import FilteredVoice, Voice
from tailrace.state.state import ContextItem, QueryType, WorkflowState

_MARKED: Final = (
    "After each sentence that rests on a passage, write the number of the passage: [1]. The person "
    "does not see it. Write no links and no list of sources."
)
_UNMARKED: Final = "Write no source numbers."
"""For a weak model, which would number at random: the passage is found without it as well."""

_EXACT_TEMPERATURE: Final = 0.2
"""For answers and edits: small models begin to invent above it."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """The one thing there is to do; the fields of the plan as the seed's clients know them."""

    action: str
    description: str
    dependencies: list[str] = msgspec.field(default_factory=list[str])
    status: str = "pending"
    result: str | None = None
    error: str | None = None
    start_time: str | None = None
    end_time: str | None = None


_ANSWER: Final = Step(action="answer", description="Answering from the passages")
_EDIT: Final = Step(action="edit", description="Editing the text")
_GENERATE: Final = Step(action="generate", description="Writing the text")
_DONE: Final = {"answer": "Answered", "edit": "Edited", "generate": "Written"}


class ExecutorNode(BaseNode):
    """Writes what was asked for."""

    type = NodeType.EXECUTE
    stage = WorkflowStage.EXECUTION
    title = "Writing"

    async def process(self, state: WorkflowState, scope: RunScope) -> WorkflowState:
        """Plan the step, do it, and set the final content.

        Raises:
            ModelError: the model erred, or said nothing.
            LimitExceededError: the answer is over its limits.
        """
        info = scope.llm.info
        step = _plan(state)
        await self.say(scope, EventType.THINKING, "Planning what to do")
        await self.say(scope, EventType.DONE, "Planned", metadata={"plan": _plan_facts(step)})
        remark = await _edit_remark(state, scope) if step is _EDIT else ""
        doing = f"Step 1/1: {step.description}" + (f". {remark}" if remark else "")
        await self.say(scope, EventType.RUNNING, doing, progress=0.0)
        if info is None:
            return await self._show_passages(state, scope)
        messages = _messages(state, scope, info, step)
        prompt_tokens = estimate_prompt_tokens(messages)
        request = LLMRequest(
            messages=messages,
            max_tokens=answer_tokens(info, prompt_tokens, scope.settings.max_answer_tokens),
            temperature=None if step is _GENERATE else _EXACT_TEMPERATURE,
        )
        label = SMOKE_TEST_LABEL if info.smoke_test_only else ""
        voice = await self._voice(state, scope, step)
        reply = await tell(
            self, scope, request, reading="Reading the passages", label=label, voice=voice
        )
        state.final_content = label + reply.text
        refused = step is _ANSWER and is_refusal(reply.text)
        summary = "The passages do not hold the answer" if refused else _DONE[step.action]
        remarks = [each for each in (remark, reply.remark) if each]
        state.outcome = Outcome.INSUFFICIENT_CONTEXT if refused else Outcome.ANSWERED
        await self.end(state, scope, ". ".join([summary, *remarks]))
        return state

    async def _voice(self, state: WorkflowState, scope: RunScope, step: Step) -> Voice:
        """How the reply is said: answers and new texts with what they rest on, edits without."""
        query, items = state.query, state.contexts.items
        if step is _EDIT:
            told = [turn.content for turn in query.history] + [item.text for item in items]
            return FilteredVoice(self, scope, EditText(Targets(question_of(query), *told)))
        voice = CitingVoice(self, scope, query.owner, items, question_of(query))
        await voice.begin()
        return voice

    async def _show_passages(self, state: WorkflowState, scope: RunScope) -> WorkflowState:
        query, items = state.query, state.contexts.items
        voice = CitingVoice(self, scope, query.owner, items, question_of(query))
        await voice.begin()
        pieces = list(passages_themselves(items, question_of(query)))
        for piece in pieces:
            if piece.item is None:
                await voice.write(piece.text)
            else:
                await voice.quote(piece.item, piece.text, piece.shown)
        state.final_content = "".join(piece.text for piece in pieces)
        state.outcome = Outcome.ANSWERED
        await self.end(state, scope, "Shown the passages; no language model is set up")
        return state


def _plan(state: WorkflowState) -> Step:
    kind = state.intent.type if state.intent else QueryType.QA_ANALYSIS
    match kind:
        case QueryType.DOCUMENT_EDIT:
            return _EDIT
        case QueryType.CONTENT_GENERATION:
            return _GENERATE
        case _:
            return _ANSWER


def _plan_facts(step: Step) -> dict[str, JSON]:
    facts: dict[str, JSON] = msgspec.to_builtins(step)
    return {"steps": [facts], "current_step": 0, "total_steps": 1}


def _messages(state: WorkflowState, scope: RunScope, info: ModelInfo, step: Step) -> list[Message]:
    query = state.query
    edited = _edited(state.contexts.items) if step is _EDIT else []
    values = {
        "question": question_of(query),
        "refusal": REFUSAL,
        "marking": _MARKED if is_strong(scope.settings, info) else _UNMARKED,
        "text": fenced(edited, "text to edit"),
        "passages": fenced([item for item in state.contexts.items if item not in edited]),
    }
    turns = newest_turns(query.history, history_budget(scope.settings, info))
    name = "edit_request" if step is _EDIT and not edited else step.action
    return Prompt.load(name).messages(values, turns)


def _edited(items: Sequence[ContextItem]) -> list[ContextItem]:
    """What an edit is about: the selection, else the open document, else nothing that is known."""
    selection = [item for item in items if item.id == SELECTION_ID]
    return selection or [item for item in items if item.first_rank]


async def _edit_remark(state: WorkflowState, scope: RunScope) -> str:
    """What people should know where a text is too long to be edited whole; "" where it is not."""
    for item in _edited(state.contexts.items):
        if item.id == SELECTION_ID:
            is_cut = item.text != state.query.selected_content
        else:
            end = item.char_end
            rest = await scope.documents.text(item.document_id, state.query.owner, end, end + 1)
            is_cut = bool(rest)
        if is_cut:
            return f"The text is long: only its first {len(item.text):,} characters are edited"
    return ""
