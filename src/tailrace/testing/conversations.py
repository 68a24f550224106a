"""Testing kit: proves that a store keeps the contract of `tailrace.stores.conversations`.

`tailrace.testing.stores.check_store` runs these checks together with those for runs.
"""

from datetime import timedelta

import msgspec

from tailrace.errors import ConflictError, InvalidRequestError, NotFoundError
from tailrace.events.types import Outcome
from tailrace.stores.base import Store
from tailrace.stores.conversations import MessageRow, MessageStatus, NewMessage
from tailrace.testing.made_runs import AT, accepted_run, chunks, claimed, closing, refused

_LATER = AT + timedelta(minutes=1)


def message_by_hand(
    conversation_id: int, content: str = "by hand", *, role: str = "user", complete: bool = True
) -> NewMessage:
    """A message that no run makes."""
    return NewMessage(
        conversation_id=conversation_id,
        parent_message_id="7",
        role=role,
        content=content,
        complete=complete,
        token_count=2,
        created_at=AT,
    )


async def check_a_conversation_is_renamed_and_deleted(store: Store) -> None:
    """Deleted, it is listed no more and takes nothing more, but can be read."""
    conversation = await store.create_conversation("ada", "home", {}, AT)
    renamed = await store.rename_conversation(conversation.id, "ada", "The plan", _LATER)
    assert (renamed.title, renamed.updated_at) == ("The plan", _LATER)
    message_id = await store.add_message(message_by_hand(conversation.id, complete=False), "ada")
    ended_id = await store.add_message(message_by_hand(conversation.id), "ada")
    for foreign in (
        store.rename_conversation(conversation.id, "bob", "Mine", _LATER),
        store.delete_conversation(conversation.id, "bob", _LATER),
    ):
        await refused(NotFoundError, foreign, "a foreign conversation")
    for _ in range(2):
        await store.delete_conversation(conversation.id, "ada", _LATER)
    assert await store.list_conversations("ada", 10, 0, None, "active") == ([], 0)
    deleted = await store.get_conversation(conversation.id, "ada")
    assert (deleted.status, deleted.title) == ("deleted", "The plan")
    kept = await store.list_messages(conversation.id, "ada")
    assert [row.id for row in kept] == [message_id, ended_id]
    for late in (
        store.rename_conversation(conversation.id, "ada", "Late", _LATER),
        store.add_message(message_by_hand(conversation.id), "ada"),
        store.append_content(message_id, "ada", "late", 0, _LATER),
        store.replace_content(message_id, "ada", "late", _LATER),
        store.end_message(message_id, "ada", MessageStatus.COMPLETED, _LATER),
        store.end_message(ended_id, "ada", MessageStatus.COMPLETED, _LATER),
        accepted_run(store, conversation_id=conversation.id, owner="ada"),
    ):
        await refused(NotFoundError, late, "writing into a deleted conversation")


async def check_a_message_is_written_by_hand(store: Store) -> None:
    """Piece by piece, until it is ended; then it can be replaced, and keeps its status."""
    conversation = await store.create_conversation("", "home", {}, AT)
    new = message_by_hand(conversation.id, "a", role="assistant", complete=False)
    message_id = await store.add_message(new, "")
    begun = await store.get_message(message_id, "")
    assert (begun.parent_message_id, begun.role, begun.run_id) == ("7", "assistant", None)
    assert (begun.status, begun.completed_at) == (MessageStatus.STREAMING, None)
    await store.append_content(message_id, "", "b", 3, _LATER)
    appended = await store.get_message(message_id, "")
    assert (appended.content, appended.token_count, appended.updated_at) == ("ab", 5, _LATER)
    assert (await store.get_conversation(conversation.id, "")).updated_at == _LATER
    for status in (MessageStatus.COMPLETED, MessageStatus.CANCELLED):
        await store.end_message(message_id, "", status, _LATER)
        ended = await store.get_message(message_id, "")
        assert (ended.status, ended.completed_at) == (MessageStatus.COMPLETED, _LATER)
    late = store.append_content(message_id, "", "c", 1, _LATER)
    await refused(ConflictError, late, "an append to an ended message")
    await store.replace_content(message_id, "", "other", _LATER)
    replaced = await store.get_message(message_id, "")
    assert replaced == msgspec.structs.replace(ended, content="other")
    await store.replace_content(message_id, "", "counted", _LATER, token_count=1, complete=True)
    counted = await store.get_message(message_id, "")
    assert counted == msgspec.structs.replace(ended, content="counted", token_count=1)
    other_id = await store.add_message(new, "")
    await store.replace_content(other_id, "", "whole", _LATER, complete=True)
    whole = await store.get_message(other_id, "")
    assert (whole.content, whole.status, whole.completed_at, whole.token_count) == (
        "whole",
        MessageStatus.COMPLETED,
        _LATER,
        2,
    )


async def check_a_conversation_is_named_after_its_first_question(store: Store) -> None:
    """By hand as by a run; a name that it has, it keeps."""
    conversation = await store.create_conversation("", "home", {}, AT)
    for role, content in (("assistant", "hello"), ("user", "first"), ("user", "second")):
        await store.add_message(message_by_hand(conversation.id, content, role=role), "")
    assert (await store.get_conversation(conversation.id, "")).title == "first"


async def check_messages_of_others_and_of_runs_are_not_written_by_hand(store: Store) -> None:
    """Not even once the run has ended: what it wrote is what its log says."""
    conversation = await store.create_conversation("ada", "home", {}, AT)
    await refused(
        NotFoundError, store.add_message(message_by_hand(conversation.id), "bob"), "a foreign place"
    )
    accepted = await accepted_run(store, conversation_id=conversation.id, owner="ada")
    run_id = accepted.run.run_id
    answer = accepted.run.assistant_message_id
    assert answer is not None
    live = await store.get_message(answer, "ada")
    at_end = store.end_message(answer, "ada", MessageStatus.COMPLETED, AT)
    await refused(ConflictError, at_end, "the end of a live run's message")
    await _refuses_writing(store, live)
    await store.cancel(run_id, AT)
    ended = await store.get_message(answer, "ada")
    await store.end_message(answer, "ada", MessageStatus.COMPLETED, AT)
    await _refuses_writing(store, ended)
    assert ended.status is MessageStatus.CANCELLED


async def _refuses_writing(store: Store, message: MessageRow) -> None:
    for owner, expected in (("ada", ConflictError), ("bob", NotFoundError)):
        for attempt in (
            store.append_content(message.id, owner, "x", 1, AT),
            store.replace_content(message.id, owner, "x", AT),
        ):
            await refused(expected, attempt, "writing into what a run or another owner wrote")
    ending = store.end_message(message.id, "bob", MessageStatus.COMPLETED, AT)
    await refused(NotFoundError, ending, "the end of a foreign message")
    assert await store.get_message(message.id, "ada") == message


async def check_a_retry_answers_the_same_message(store: Store) -> None:
    """One question, two answers; history has the newer one, and each only while it is newest."""
    conversation = await store.create_conversation("", "home", {}, AT)

    async def answered(text: str, retry_of: str | None = None) -> str:
        accepted = await accepted_run(store, conversation_id=conversation.id, retry_of=retry_of)
        run_id = accepted.run.run_id
        await claimed(store, run_id)
        await store.append(run_id, 1, 2, chunks(run_id, 2, [text]))
        log = await store.read(run_id, 0, 10)
        terminal, final = closing(log, Outcome.ANSWERED)
        await store.append(run_id, 1, 3, [terminal], stage=terminal.event.stage, final_state=final)
        return run_id

    first = await answered("first")
    second = await answered("second", first)
    runs = [await store.get_run(run_id, "") for run_id in (first, second)]
    assert runs[0].user_message_id == runs[1].user_message_id
    rows = await store.list_messages(conversation.id, "")
    assert [row.content for row in rows] == [runs[0].query, "first", "second"]
    assert rows[1].parent_message_id == rows[2].parent_message_id == str(rows[0].id)
    history = await store.history(conversation.id, rows[-1].id + 1)
    assert [row.content for row in history] == [runs[0].query, "second"]
    assert await store.history(conversation.id, rows[0].id) == []
    old = accepted_run(store, conversation_id=conversation.id, retry_of=first)
    await refused(ConflictError, old, "a retry of a run that is not the newest")


async def check_only_what_has_ended_here_is_tried_again(store: Store) -> None:
    """Not a live run, not one of another conversation or owner, not for another question."""
    conversation = await store.create_conversation("", "home", {}, AT)
    other = await store.create_conversation("", "home", {}, AT)
    run = (await accepted_run(store, conversation_id=conversation.id)).run
    live = accepted_run(store, conversation_id=conversation.id, retry_of=run.run_id)
    await refused(ConflictError, live, "a retry of a live run")
    await store.cancel(run.run_id, AT)
    for place, owner, retry_of in (
        (other.id, "", run.run_id),
        (None, "", run.run_id),
        (conversation.id, "bob", run.run_id),
        (conversation.id, "", "unknown"),
    ):
        attempt = accepted_run(store, conversation_id=place, owner=owner, retry_of=retry_of)
        await refused(NotFoundError, attempt, "a retry of what is not there")
    changed = accepted_run(
        store, conversation_id=conversation.id, retry_of=run.run_id, query="Another?"
    )
    await refused(InvalidRequestError, changed, "a retry with another question")
    assert len(await store.list_messages(conversation.id, "")) == 2
    await store.add_message(message_by_hand(conversation.id), "")
    followed = accepted_run(store, conversation_id=conversation.id, retry_of=run.run_id)
    await refused(ConflictError, followed, "a retry of a run that something follows")


CHECKS = (
    check_a_conversation_is_renamed_and_deleted,
    check_a_message_is_written_by_hand,
    check_a_conversation_is_named_after_its_first_question,
    check_messages_of_others_and_of_runs_are_not_written_by_hand,
    check_a_retry_answers_the_same_message,
    check_only_what_has_ended_here_is_tried_again,
)
"""Every promise of the contract, one function each."""
