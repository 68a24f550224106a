"""Floor 3: ContextNode gathers, round by round, what an answer can rest on.

Rule 1: the first round asks no model: it costs milliseconds, and its passages are shown at once.
Rule 2: where nothing is about the question, the run says so and ends; it does not guess.
Rule 3: an edit and a new text need no passage, so they go on with what there is.
Rule 4: that it is enough is never said without a strong model; see `rounds.py`.
"""

from collections.abc import Sequence
from typing import Final

from tailrace.context.sufficiency import Verdict
from tailrace.events.event import StreamEvent
from tailrace.events.types import EventType, NodeType, Outcome, WorkflowStage
from tailrace.nodes.base import BaseNode
from tailrace.nodes.gathering import Found, Gathering
from tailrace.nodes.judging import is_strong
from tailrace.nodes.open_text import keep_open_text
from tailrace.nodes.passages import least_score, passage_budget
from tailrace.nodes.refusal import REFUSAL
from tailrace.nodes.rounds import Rounds
from tailrace.nodes.scope import RunScope
from tailrace.nodes.telling import write
from tailrace.state.state import (
    ContextCollection,
    ContextItem,
    Query,
    QueryType,
    Sufficiency,
    WorkflowState,
)
from tailrace.stores.documents import DocumentStatus

_ROUNDS: Final = 2
"""Of searching in the question's own words, and then in others that are at hand."""

_FIRST_SHARE: Final = 0.7
"""Of the budget, for the first round, where words of the question are still missing."""

_NO_DOCUMENTS: Final = (
    "There are no documents yet, so there is nothing to answer from. Add a folder with "
    "`tailrace docs add FOLDER`, or upload files, and ask again."
)


class ContextNode(BaseNode):
    """Gathers passages."""

    type = NodeType.CONTEXT
    stage = WorkflowStage.CONTEXT_GATHERING
    title = "Searching your documents"

    async def process(self, state: WorkflowState, scope: RunScope) -> WorkflowState:
        """Set the contexts; with nothing relevant to a question, answer that and end the run.

        Raises:
            NotFoundError: the open document does not exist, or cannot be read.
        """
        query = state.query
        kind = state.intent.type if state.intent else QueryType.QA_ANALYSIS
        editing = kind is QueryType.DOCUMENT_EDIT
        info = scope.llm.info
        budget = passage_budget(info, editing=editing)
        gathering = Gathering(query, scope, budget, least_score(info))
        await self._show(scope, await keep_open_text(query, scope, gathering, editing=editing))
        has_open_text = bool(gathering.items)
        rounds, sufficiency = 0, Sufficiency.SUFFICIENT
        if not (editing and has_open_text):
            rounds, sufficiency = await self._search(state, scope, gathering)
            if sufficiency is Sufficiency.PARTIAL and not has_open_text and not editing:
                rounds, sufficiency = await self._look_further(state, scope, gathering, rounds)
        if has_open_text:
            sufficiency = Sufficiency.SUFFICIENT
        state.contexts = ContextCollection(
            items=tuple(gathering.items), sufficiency=sufficiency, rounds=rounds
        )
        if kind is QueryType.QA_ANALYSIS and sufficiency is Sufficiency.INSUFFICIENT:
            state.final_content = await self._nothing(query, scope)
            await write(self, scope, state.final_content)
            state.outcome = Outcome.INSUFFICIENT_CONTEXT
            await self.end(state, scope, "Nothing in your documents is about this")
            return state
        await self.end(state, scope, _summary(gathering.items))
        return state

    async def _search(
        self, state: WorkflowState, scope: RunScope, gathering: Gathering
    ) -> tuple[int, Sufficiency]:
        """Search in rounds until no other words are left to try; how many, and what came of it."""
        texts = _texts(state)
        rounds = 1 if gathering.items else max(1, min(_ROUNDS, scope.settings.context_rounds))
        wanted: Sequence[str] = ["\n".join(texts)]
        searched = 0
        verdict: Verdict | None = None
        while wanted and searched < rounds:
            searched += 1
            message = self.title if rounds == 1 else f"{self.title}, round {searched} of {rounds}"
            await self.say(scope, EventType.RUNNING, message, progress=searched / rounds)
            found = await gathering.search(wanted)
            if found or verdict is None:
                verdict = await gathering.judge(texts)
            wanted = _other_words(state, verdict) if searched == 1 else []
            if verdict.relevant is not False:
                share = _FIRST_SHARE if wanted and searched < rounds else 1.0
                await self._show(scope, gathering.keep(share))
        relevant = bool(gathering.items) and verdict is not None and verdict.relevant is not False
        return searched, Sufficiency.PARTIAL if relevant else Sufficiency.INSUFFICIENT

    async def _look_further(
        self, state: WorkflowState, scope: RunScope, gathering: Gathering, done: int
    ) -> tuple[int, Sufficiency]:
        """Let a strong model say what is missing; how many rounds there were, and what came."""
        info = scope.llm.info
        if not is_strong(scope.settings, info):
            return done, Sufficiency.PARTIAL

        async def show(found: Sequence[Found]) -> None:
            await self._show(scope, found)

        gathering.make_room(passage_budget(info))
        rounds = Rounds(self, scope, state.query, gathering, show)
        return await rounds.look(done, _texts(state))

    async def _show(self, scope: RunScope, found: Sequence[Found]) -> None:
        for each in found:
            await scope.emit(
                StreamEvent(
                    type=EventType.SOURCE,
                    content=each.item.title,
                    timestamp=scope.clock.now(),
                    stage=self.stage,
                    node=self.type,
                    metadata=each.source(),
                )
            )

    @staticmethod
    async def _nothing(query: Query, scope: RunScope) -> str:
        """What a person is told where nothing is about their question."""
        _, count = await scope.documents.list_documents(
            query.owner, limit=1, offset=0, status=DocumentStatus.SEARCHABLE
        )
        if not count:
            return _NO_DOCUMENTS
        documents = "the one document there is" if count == 1 else f"all {count:,} documents"
        return (
            f"{REFUSAL} I searched {documents} and found no passage about it. Try the words your "
            "documents use, or add the document that has it with `tailrace docs add PATH`."
        )


def _texts(state: WorkflowState) -> list[str]:
    """The question in its own words, what was answered when asked back, and the model's words."""
    question = state.query.said
    enhanced = state.intent.enhanced_query if state.intent else question
    texts = [question, *(each.text for each in state.query.inputs)]
    return texts if enhanced.casefold() == question.casefold() else [*texts, enhanced]


def _other_words(state: WorkflowState, verdict: Verdict) -> list[str]:
    """What else to look for: words no passage has, and what the question leans on."""
    wanted: list[str] = []
    if verdict.missing_terms:
        wanted.append(" ".join(verdict.missing_terms))
    if verdict.relevant is not True:
        wanted += _texts(state)[1:]
        asked = [turn.content for turn in state.query.history if turn.role == "user"]
        wanted += asked[-1:]
    return wanted


def _summary(items: Sequence[ContextItem]) -> str:
    if not items:
        return "No passage is needed or fits; going on without"
    documents = len({item.document_id for item in items})
    passages = "1 passage" if len(items) == 1 else f"{len(items)} passages"
    return f"{passages} from {documents} document{'' if documents == 1 else 's'}"
