"""Floor 3: Rounds: a strong model says what is missing, tools look for it, until enough or spent.

Rule 1: a model that errs, or says nothing that can be used, changes nothing; people are told.
Rule 2: a call is told before it is made, and its result after; the calls of a round run at once.
Rule 3: it ends when every need is met, when a round brings no new passage, when there is nothing
    new to try, or when the budget of rounds, model calls, tokens or seconds is spent.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from tailrace.errors import ErrorCode, InvalidRequestError, ModelError
from tailrace.events.event import JSON, StreamEvent
from tailrace.events.types import EventType
from tailrace.llm.base import Usage, Wait
from tailrace.nodes import tools
from tailrace.nodes.base import BaseNode
from tailrace.nodes.gathering import Found, Gathering
from tailrace.nodes.history import question_of
from tailrace.nodes.judging import REPLY_TOKENS, Asked, Judgement, ask, request_for
from tailrace.nodes.scope import RunScope
from tailrace.nodes.spending import say_usage
from tailrace.nodes.telling import say_wait
from tailrace.nodes.tokens import estimate_prompt_tokens
from tailrace.nodes.tools import Call, Result
from tailrace.state.state import Query, Sufficiency

_log = logging.getLogger(__name__)

Show = Callable[[Sequence[Found]], Awaitable[None]]

_CHECKING: Final = "Checking what is missing"
_MAX_LIST_CHARS: Final = 6_000


class Rounds:
    """The rounds after the first, of one run."""

    def __init__(
        self, node: BaseNode, scope: RunScope, query: Query, gathering: Gathering, show: Show
    ) -> None:
        """Look further for `query`, on from what `gathering` has; `show` what is found."""
        self._node = node
        self._scope = scope
        self._query = query
        self._gathering = gathering
        self._show = show
        settings = scope.settings
        self._calls_left = settings.context_calls
        self._tokens_left = settings.context_tokens
        self._ends_at = scope.clock.monotonic_s() + settings.context_timeout_s
        self._tried: list[str] = []
        self._keys: set[str] = set()
        self._lists = ""
        self._tools_ran = False

    async def look(self, done: int, texts: Sequence[str]) -> tuple[int, Sufficiency]:
        """Look until it is enough or spent, `texts` being searched for in `done` rounds.

        Returns:
            How many rounds there were in all, and what came of them.

        Raises:
            StoreError: the log cannot be written.
        """
        self._tried += texts
        self._keys.update(_search_key(text) for text in texts)
        limit = self._scope.settings.context_rounds
        while True:
            judgement = await self._judge()
            if judgement is None:
                return done, Sufficiency.PARTIAL
            verdict = judgement.verdict
            if verdict is Sufficiency.INSUFFICIENT and not self._tools_ran:
                verdict = Sufficiency.PARTIAL  # nobody has looked for it in other words yet
            if verdict is Sufficiency.SUFFICIENT or done >= limit or not self._time_left_s:
                return done, verdict
            results = await self._call(judgement, done + 1)
            if not results:
                return done, verdict
            done += 1
            message = f"{self._node.title}, round {done} of {limit}"
            await self._node.say(
                self._scope, EventType.RUNNING, message, progress=min(1.0, done / limit)
            )
            found = self._keep(results)
            await self._show(found)
            if not found and not any(result.lists for result in results):
                return done, verdict
            if not self._may_judge:
                return done, Sufficiency.PARTIAL if found else verdict

    @property
    def _time_left_s(self) -> float:
        return max(0.0, self._ends_at - self._scope.clock.monotonic_s())

    @property
    def _may_judge(self) -> bool:
        return self._calls_left > 0 and self._tokens_left > 0 and self._time_left_s > 0

    async def _judge(self) -> Judgement | None:
        """What the model says is missing; None where it cannot be asked, or says nothing of use."""
        asked = Asked(
            question_of(self._query), self._gathering.items, self._lists, tuple(self._tried)
        )
        request = request_for(asked)
        prompt_tokens = estimate_prompt_tokens(request.messages)
        if not self._may_judge or prompt_tokens + REPLY_TOKENS > self._tokens_left:
            return None
        await self._node.say(self._scope, EventType.RUNNING, _CHECKING)

        async def waits(wait: Wait) -> None:
            await say_wait(self._node, self._scope, wait, _CHECKING)

        self._calls_left -= 1
        judgement: Judgement | None = None
        usage = Usage(prompt_tokens=prompt_tokens, completion_tokens=0, estimated=True)
        code, why = ErrorCode.MODEL_PROTOCOL, "what it said cannot be used"
        try:
            async with asyncio.timeout(self._time_left_s):
                judgement, usage = await ask(
                    self._scope.llm, request, waits, len(self._gathering.items)
                )
        except ModelError as error:
            code, why = error.code, error.message
        except TimeoutError:
            code, why = ErrorCode.MODEL_TIMEOUT, "it took too long"
        self._tokens_left -= usage.prompt_tokens + usage.completion_tokens
        await say_usage(self._node, self._scope, usage)
        if judgement is None:
            _log.info("no judgement in run %s: %s", self._scope.streaming_manager.run_id, why)
            message = f"The model could not say what is missing ({why}); going on with what is here"
            await self._node.say(
                self._scope, EventType.RUNNING, message, metadata={"code": code.value}
            )
        return judgement

    async def _call(self, judgement: Judgement, number: int) -> list[Result]:
        """Make the calls it asks for that are new, at once; their results, in its order."""
        calls: list[Call] = []
        for place, said in enumerate(judgement.calls, 1):
            call_id = f"{number}.{place}"
            try:
                call = tools.checked(call_id, said, self._gathering.items)
            except InvalidRequestError as error:
                await self._refuse(call_id, said, error.message)
                continue
            await self._tell(call)
            if call.key in self._keys:
                await self._told(call.call_id, Result(ok=False, summary="that was tried already"))
                continue
            self._keys.add(call.key)
            calls.append(call)
        if not calls:
            return []
        self._tools_ran = True
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(tools.run(call, self._query, self._scope)) for call in calls]
        results = [task.result() for task in tasks]
        for call, result in zip(calls, results, strict=True):
            self._tried += [str(each) for name, each in call.arguments.items() if name == "query"]
            await self._told(call.call_id, result)
        return results

    def _keep(self, results: Sequence[Result]) -> list[Found]:
        """What is new in `results` and fits."""
        found: list[Found] = []
        for result in results:
            if result.read is not None:
                found += self._gathering.keep_read(result.read)
            if result.lists:
                self._lists = f"{self._lists}\n{result.lists}".strip()[-_MAX_LIST_CHARS:]
        new = [passage for result in results for passage in result.passages]
        self._gathering.add(new)
        return found + self._gathering.keep()

    async def _refuse(self, call_id: str, said: dict[str, JSON], why: str) -> None:
        """Tell of a call that is none: its name, if it is one of ours, and why it is not made."""
        name = said.get("tool")
        known = name if isinstance(name, str) and name in tools.NAMES else "unknown"
        await self._tell(Call(call_id=call_id, name=known, arguments={}))
        await self._told(call_id, Result(ok=False, summary=why))

    async def _tell(self, call: Call) -> None:
        await self._emit(
            EventType.TOOL_CALL,
            {"call_id": call.call_id, "name": call.name, "arguments": call.arguments},
        )

    async def _told(self, call_id: str, result: Result) -> None:
        await self._emit(
            EventType.TOOL_RESULT,
            {"call_id": call_id, "ok": result.ok, "summary": result.summary},
        )

    async def _emit(self, type_: EventType, metadata: dict[str, JSON]) -> None:
        await self._scope.emit(
            StreamEvent(
                type=type_,
                timestamp=self._scope.clock.now(),
                stage=self._node.stage,
                node=self._node.type,
                metadata=metadata,
            )
        )


def _search_key(text: str) -> str:
    return Call(call_id="", name="search_documents", arguments={"query": text}).key
