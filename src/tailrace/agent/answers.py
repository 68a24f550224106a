"""Floor 5: what a person says in answer to a run, and where it counts. Pure.

Rule 1: of several answers one is taken; the same again is a repeat, another is refused.
Rule 2: what was asked back and answered is part of the conversation, for later runs too.
"""

from collections.abc import Mapping, Sequence
from typing import cast

from tailrace.errors import ConflictError, InputExpiredError, InvalidRequestError
from tailrace.events.event import StreamEvent
from tailrace.events.fold import RunFold
from tailrace.events.types import Outcome
from tailrace.settings import Settings
from tailrace.state.state import Turn, UserInput
from tailrace.stores.conversations import MessageRow


def question_for(
    fold: RunFold, run_id: str, request_id: str | None, text: str
) -> StreamEvent | None:
    """The event that asks what `text` answers; None where that answer was taken before.

    Args:
        fold: Of the run.
        run_id: The run.
        request_id: Which question is answered; None for whichever is open.
        text: The answer.

    Raises:
        ConflictError: the run does not wait, or it asks something else; the message says what to
            do.
        InputExpiredError: nobody has answered it in time.
    """
    for given in fold.inputs:
        if given["request_id"] == request_id:
            if given["input"] == text:
                return None
            msg = f"run {run_id} has another answer to that already; watch it go on with that one"
            raise ConflictError(msg)
    asked = fold.input_required
    if fold.terminal is not None and fold.terminal.metadata["outcome"] == Outcome.EXPIRED:
        raise InputExpiredError(fold.terminal.content)
    if asked is None:
        msg = f"run {run_id} waits for no answer: {_standing(fold)}"
        raise ConflictError(msg)
    if request_id is not None and request_id != asked.metadata["request_id"]:
        msg = f"run {run_id} asks something else by now; look at the run, and answer that"
        raise ConflictError(msg)
    return asked


def check_answer(asked: StreamEvent, text: str, settings: Settings) -> None:
    """Nothing, where the answer is within its limits.

    Raises:
        InvalidRequestError: it is empty or too long.
    """
    if not text.strip():
        msg = f"the answer is empty; the run asks: {asked.content}"
        raise InvalidRequestError(msg)
    if len(text) > settings.max_query_chars:
        msg = f"the answer has {len(text):,} characters; the limit is {settings.max_query_chars:,}"
        raise InvalidRequestError(msg)


def inputs_of(fold: RunFold) -> tuple[UserInput, ...]:
    """What the person was asked back and has answered."""
    return tuple(_input(given) for given in fold.inputs)


def turns_of(messages: Sequence[MessageRow]) -> tuple[Turn, ...]:
    """The conversation in turns; before an answer comes what was asked back on the way to it."""
    turns: list[Turn] = []
    for message in messages:
        given = message.metadata.get("input")
        for each in cast("list[Mapping[str, object]]", given or []):
            asked = _input(each)
            turns += [Turn("assistant", asked.question), Turn("user", asked.text)]
        turns.append(Turn(message.role, message.content))
    return tuple(turns)


def _input(given: Mapping[str, object]) -> UserInput:
    return UserInput(question=str(given["question"]), text=str(given["input"]))


def _standing(fold: RunFold) -> str:
    """How a run stands that does not wait, and what to do about it."""
    if fold.terminal is None:
        return f"it is at work ({fold.stage.value}). Watch it"
    outcome = str(fold.terminal.metadata["outcome"]).replace("_", " ")
    return f"it has ended ({outcome}). Ask again"
