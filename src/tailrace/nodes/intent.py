"""Floor 3: IntentNode works out what a person wants, and answers at once what needs no document.

Rule 1: whatever cannot be told for sure is a question for the documents: no doubt of a model
    keeps a person from an answer.
Rule 2: a question is searched for in its own words too; what a model makes of it only adds.
Rule 3: a person is asked back once at most; what they answer then counts with their question.
"""

import logging
from typing import Final

import msgspec

from tailrace.errors import ModelProtocolError
from tailrace.events.event import JSON
from tailrace.events.types import EventType, NodeType, Outcome, WorkflowStage
from tailrace.llm.base import LLMRequest, Message, ModelInfo, Usage, Wait
from tailrace.nodes.base import BaseNode
from tailrace.nodes.history import history_budget, newest_turns, question_of
from tailrace.nodes.prompt import Prompt
from tailrace.nodes.scope import RunScope
from tailrace.nodes.spending import say_usage
from tailrace.nodes.telling import say_wait, tell, write
from tailrace.nodes.tokens import answer_tokens, estimate_prompt_tokens, leading
from tailrace.state.state import Intent, Query, QueryType, Turn, WorkflowState

_log = logging.getLogger(__name__)

_SITUATION_TOKENS: Final = 200
"""The last turn or two; enough to see what "and the second one?" leans on."""

_QUESTION_TOKENS: Final = 500
"""What a long text is about stands at its beginning."""

_REPLY_TOKENS: Final = 160
_MAX_REWRITE_CHARS: Final = 500

_SCHEMA: Final[dict[str, JSON]] = {
    "type": "object",
    "properties": {
        "type": {"type": "string", "enum": [kind.value for kind in QueryType]},
        "question": {"type": "string"},
        "enhanced_query": {"type": "string"},
    },
    "required": ["type", "question", "enhanced_query"],
    "additionalProperties": False,
}

_SUMMARIES: Final = {
    QueryType.SIMPLE_CHAT: "Answered",
    QueryType.QA_ANALYSIS: "This is a question for your documents",
    QueryType.DOCUMENT_EDIT: "A text is to be edited",
    QueryType.CONTENT_GENERATION: "A new text is to be written",
    QueryType.CLARIFICATION_NEEDED: "Asked what you mean",
}


class IntentNode(BaseNode):
    """Works out what a person wants."""

    type = NodeType.INTENT
    stage = WorkflowStage.INTENT_ANALYSIS
    title = "Reading your question"

    async def process(self, state: WorkflowState, scope: RunScope) -> WorkflowState:
        """Set the intent; answer simple chat, and ask back where nobody could tell what is meant.

        Who can answer while the run waits is asked so; for others the question is the answer.

        Raises:
            ModelError: the model erred; a reply that is not as asked is no error.
            LimitExceededError: the answer to simple chat is over its limits.
        """
        title = "Reading your answer" if state.query.inputs else self.title
        await self.say(scope, EventType.THINKING, title)
        info = scope.llm.info
        intent = await self._intent(state.query, scope, info)
        if intent.type is QueryType.CLARIFICATION_NEEDED and state.query.interactive:
            await self.ask(state, scope, intent.clarifying_question)
            return state
        state.intent = intent
        summary = _SUMMARIES[intent.type]
        if intent.type is QueryType.SIMPLE_CHAT:
            summary = await self._chat(state, scope, info) or summary
            state.outcome = Outcome.ANSWERED
        elif intent.type is QueryType.CLARIFICATION_NEEDED:
            state.final_content = intent.clarifying_question
            await write(self, scope, intent.clarifying_question)
            state.outcome = Outcome.ANSWERED
        await self.end(state, scope, summary)
        return state

    async def _intent(self, query: Query, scope: RunScope, info: ModelInfo | None) -> Intent:
        if info is None or info.smoke_test_only:  # measured: a tiny one is right 4 times of 12
            return _question(query)
        request = LLMRequest(
            messages=_messages(query), max_tokens=_REPLY_TOKENS, temperature=0.0, schema=_SCHEMA
        )

        async def waits(wait: Wait) -> None:
            await say_wait(self, scope, wait, self.title)

        try:
            reply, usage = await scope.llm.complete_json(request, on_wait=waits)
        except ModelProtocolError:
            _log.info("the classification is not as asked; it is taken as a question")
            reply = {}
            usage = Usage(
                prompt_tokens=estimate_prompt_tokens(request.messages),
                completion_tokens=0,
                estimated=True,
            )
        await say_usage(self, scope, usage)
        return _read(reply, query)

    async def _chat(self, state: WorkflowState, scope: RunScope, info: ModelInfo | None) -> str:
        """Answer without documents; what people should know of the answer's end."""
        query = state.query
        turns = newest_turns(query.history, history_budget(scope.settings, info))
        messages = Prompt.load("chat").messages({"question": question_of(query)}, turns)
        prompt_tokens = estimate_prompt_tokens(messages)
        limit = answer_tokens(info, prompt_tokens, scope.settings.max_answer_tokens)
        request = LLMRequest(messages=messages, max_tokens=limit)
        reply = await tell(self, scope, request, reading=self.title)
        state.final_content = reply.text
        return reply.remark


def _messages(query: Query) -> list[Message]:
    lines: list[str] = []
    turns = newest_turns(query.history, _SITUATION_TOKENS)
    said = query.text
    for asked in query.inputs:
        turns += [Turn("user", leading(said, _QUESTION_TOKENS)), Turn("assistant", asked.question)]
        said = asked.text
    if turns:
        lines.append("Conversation so far:")
    for turn in turns:
        name = "Person" if turn.role == "user" else "Assistant"
        lines.append(f"{name}: {turn.content}")
    if query.document_id is not None:
        lines.append("A document is open.")
    if query.selected_content.strip():
        lines.append("A part of it is selected.")
    values = {
        "situation": "\n".join(lines),
        "question": leading(said, _QUESTION_TOKENS),
    }
    return Prompt.load("intent").messages(values)


def _question(query: Query) -> Intent:
    return Intent(type=QueryType.QA_ANALYSIS, original_query=query.text, enhanced_query=query.said)


def _read(reply: dict[str, JSON], query: Query) -> Intent:
    """The intent that a model's reply states, as far as it can be used."""
    intent = _question(query)
    enhanced = _text(reply, "enhanced_query")
    if enhanced and len(enhanced) <= _MAX_REWRITE_CHARS:
        intent = msgspec.structs.replace(intent, enhanced_query=enhanced)
    try:
        kind = QueryType(_text(reply, "type"))
    except ValueError:
        return intent
    if kind is not QueryType.CLARIFICATION_NEEDED:
        return msgspec.structs.replace(intent, type=kind)
    question = _text(reply, "question")
    has_open_text = query.document_id is not None or bool(query.selected_content.strip())
    if not question or has_open_text or query.inputs:
        return intent
    return msgspec.structs.replace(intent, type=kind, clarifying_question=question)


def _text(reply: dict[str, JSON], name: str) -> str:
    value = reply.get(name)
    return value.strip() if isinstance(value, str) else ""
