"""Testing kit: proves that a store keeps the contract of `tailrace.stores.base`.

    async def test_my_store_keeps_the_contract() -> None:
        await check_store(open_my_store)

Each check opens a store of its own, which must be empty.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import msgspec

from tailrace._ids import new_run_id
from tailrace.errors import (
    FencedError,
    InvalidRequestError,
    LogClosedError,
    LogConflictError,
    NotFoundError,
    TailraceError,
)
from tailrace.events.asking import InputRequest, answering, asking
from tailrace.events.ending import content_sha256
from tailrace.events.event import StreamEvent
from tailrace.events.logged import LoggedEvent
from tailrace.events.types import EventType, NodeType, Outcome, WorkflowStage
from tailrace.stores.base import NewRun, RunState, StageResult, Store
from tailrace.stores.conversations import MessageStatus
from tailrace.testing import conversations, snapshots, starting, trimming
from tailrace.testing.made_runs import (
    AT,
    LEASE_S,
    accepted_run,
    chunks,
    claimed,
    closing,
    placed,
    refused,
)

OpenStore = Callable[[], Awaitable[Store]]
"""Opens an empty store."""


async def check_store(open_store: OpenStore) -> None:
    """All checks, one after another.

    Raises:
        AssertionError: a promise is broken; the message says which.
    """
    for check in CHECKS:
        store = await open_store()
        try:
            await check(store)
        finally:
            await store.aclose()


async def check_create_commits_event_one_and_messages(store: Store) -> None:
    """A run is made with event 1 and both messages, in one commit."""
    conversation = await store.create_conversation("", "home", {}, AT)
    accepted = await accepted_run(store, conversation_id=conversation.id)
    run = accepted.run
    user, assistant = await store.list_messages(conversation.id, "")
    event = accepted.first_event.event
    assert (run.state, run.epoch, run.gen, run.last_seq) == (RunState.QUEUED, 1, 1, 1)
    assert (user.role, user.content, user.status) == ("user", run.query, MessageStatus.COMPLETED)
    assert (assistant.role, assistant.status) == ("assistant", MessageStatus.PENDING)
    assert (event.type, event.stage) == (EventType.RUNNING, WorkflowStage.INIT)
    assert event.metadata == {
        "run_id": run.run_id,
        "workflow_id": run.run_id,
        "session_id": "session",
        "conversation_id": conversation.id,
        "user_message_id": user.id,
        "assistant_message_id": assistant.id,
    }
    assert await store.read(run.run_id, 0, 10) == [accepted.first_event]
    assert (await store.get_conversation(conversation.id, "")).title == run.query


async def check_nothing_is_half_made(store: Store) -> None:
    """A run in a conversation that does not exist leaves nothing behind."""
    await refused(NotFoundError, accepted_run(store, conversation_id=99), "unknown conversation")
    assert await store.list_runs("", 10, None) == []


async def check_append_is_idempotent_and_ordered(store: Store) -> None:
    """The same range again succeeds; other bytes, and a gap, do not."""
    run_id = (await accepted_run(store)).run.run_id
    events = chunks(run_id, 2, ["a", "b"])
    assert await store.append(run_id, 1, 2, events) == 3
    assert await store.append(run_id, 1, 2, events) == 3
    other = chunks(run_id, 2, ["a", "X"])
    await refused(LogConflictError, store.append(run_id, 1, 2, other), "other bytes")
    gap = chunks(run_id, 5, ["e"])
    await refused(LogConflictError, store.append(run_id, 1, 5, gap), "a gap")
    assert [event.seq for event in await store.read(run_id, 0, 10)] == [1, 2, 3]


async def check_reads_follow_the_cursor(store: Store) -> None:
    """`read` gives what lies after the cursor, up to its limit, in order."""
    run_id = (await accepted_run(store)).run.run_id
    events = chunks(run_id, 2, list("abcdef"))
    await store.append(run_id, 1, 2, events)
    assert await store.read(run_id, 3, 2) == events[2:4]
    assert await store.read(run_id, 7, 2) == []
    assert await store.read("unknown", 0, 2) == []


async def check_a_stale_epoch_is_fenced(store: Store) -> None:
    """After a second claim the first worker can write nothing more."""
    run_id = (await accepted_run(store)).run.run_id
    first = await claimed(store, run_id)
    second = await claimed(store, run_id)
    assert (first.epoch, second.epoch, second.attempts) == (1, 2, 2)
    late = chunks(run_id, 2, ["late"])
    await refused(FencedError, store.append(run_id, 1, 2, late), "a stale epoch")
    assert await store.append(run_id, 2, 2, chunks(run_id, 2, ["new"], 2)) == 2


async def check_a_run_is_given_back(store: Store) -> None:
    """Who claims it next has a new epoch, and what was tried so far does not count against it."""
    conversation = await store.create_conversation("", "home", {}, AT)
    run_id = (await accepted_run(store, conversation_id=conversation.id)).run.run_id
    await claimed(store, run_id)
    await store.append(run_id, 1, 2, chunks(run_id, 2, ["kept"]))
    await store.release(run_id, 9)
    assert (await store.get_run(run_id, "")).state is RunState.RUNNING, "another epoch's release"
    await store.release(run_id, 1)
    given_back = await store.get_run(run_id, "")
    message = (await store.list_messages(conversation.id, ""))[1]
    assert (given_back.state, given_back.attempts) == (RunState.QUEUED, 0)
    assert (message.status, message.content) == (MessageStatus.PENDING, "kept")
    again = await claimed(store, run_id)
    assert (again.state, again.attempts, again.epoch) == (RunState.RUNNING, 1, 2)
    stale = chunks(run_id, 3, ["stale"])
    await refused(FencedError, store.append(run_id, 1, 3, stale), "who gave it back")


async def check_the_end_is_one_commit_and_final(store: Store) -> None:
    """The terminal event and the message's final state come together; nothing follows."""
    conversation = await store.create_conversation("", "home", {}, AT)
    accepted = await accepted_run(store, conversation_id=conversation.id)
    run_id = accepted.run.run_id
    await claimed(store, run_id)
    written = chunks(run_id, 2, ["The ", "plan."])
    terminal, final = closing([accepted.first_event, *written], Outcome.ANSWERED)
    result = StageResult(stage=WorkflowStage.EXECUTION, output={"x": 1})
    await store.append(run_id, 1, 2, written, stage_result=result)
    await store.append(run_id, 1, 4, [terminal], stage=terminal.event.stage, final_state=final)
    run = await store.get_run(run_id, "")
    message = (await store.list_messages(conversation.id, ""))[1]
    assert (run.state, run.outcome, run.last_seq) == (RunState.COMPLETED, Outcome.ANSWERED, 4)
    assert (message.status, message.content) == (MessageStatus.COMPLETED, "The plan.")
    assert (message.outcome, message.error_code) == (Outcome.ANSWERED, None)
    assert terminal.event.metadata["content_sha256"] == content_sha256(message.content)
    assert await store.stage_results(run_id) == [msgspec.structs.replace(result, seq=3)]
    after = chunks(run_id, 5, ["late"])
    await refused(LogClosedError, store.append(run_id, 1, 5, after), "an append after the end")
    await refused(LogClosedError, claimed(store, run_id), "a claim after the end")


async def check_cancel_closes_the_log(store: Store) -> None:
    """Cancel keeps the partial text, fences the worker, and changes nothing the second time."""
    conversation = await store.create_conversation("", "home", {}, AT)
    run_id = (await accepted_run(store, conversation_id=conversation.id)).run.run_id
    await claimed(store, run_id)
    await store.append(run_id, 1, 2, chunks(run_id, 2, ["partial"]))
    run = await store.cancel(run_id, AT + timedelta(seconds=1))
    assert (run.state, run.epoch, run.last_seq) == (RunState.CANCELLED, 2, 3)
    assert await store.cancel(run_id, AT + timedelta(seconds=2)) == run
    late = chunks(run_id, 3, ["late"])
    await refused(FencedError, store.append(run_id, 1, 3, late), "an append after cancel")
    terminal = (await store.read(run_id, 2, 10))[0].event
    message = (await store.list_messages(conversation.id, ""))[1]
    assert (terminal.type, terminal.stage) == (EventType.INTERRUPTED, WorkflowStage.CANCELLED)
    assert (message.status, message.content) == (MessageStatus.CANCELLED, "partial")


async def check_open_runs_can_be_failed(store: Store) -> None:
    """What a dead process left open is found and closed, its text kept."""
    open_run = (await accepted_run(store)).run.run_id
    ended = (await accepted_run(store)).run.run_id
    await store.cancel(ended, AT)
    assert [run.run_id for run in await store.live_runs()] == [open_run]
    run = await store.fail(open_run, TailraceError("its worker was lost"), AT)
    assert (run.state, run.outcome, run.error_code) == (
        RunState.FAILED,
        Outcome.FAILED,
        "internal",
    )
    assert await store.live_runs() == []


async def check_a_run_waits_for_its_user(store: Store) -> None:
    """A run waits from the commit of its question to that of the answer, which is one attempt."""
    conversation = await store.create_conversation("", "home", {}, AT)
    run_id = (await accepted_run(store, conversation_id=conversation.id)).run.run_id

    async def standing() -> tuple[RunState, MessageStatus, int, int, int]:
        run = await store.get_run(run_id, "")
        message = (await store.list_messages(conversation.id, ""))[1]
        return run.state, message.status, run.epoch, run.attempts, run.last_seq

    await claimed(store, run_id)
    early = placed(run_id, 2, answering(_question(), "Of the mill.", AT), epoch=2)
    await refused(LogConflictError, answered(store, run_id, early), "an answer nobody asked for")
    await store.append(run_id, 1, 2, [placed(run_id, 2, _question())])
    assert await standing() == (RunState.WAITING, MessageStatus.PENDING, 1, 1, 2)
    assert await store.live_runs() == [await store.get_run(run_id, "")]
    answer = placed(run_id, 3, answering(_question(), "Of the mill.", AT), epoch=2)
    assert await answered(store, run_id, answer) == 3
    assert await answered(store, run_id, answer) == 3
    assert await standing() == (RunState.RUNNING, MessageStatus.STREAMING, 2, 1, 3)
    other = placed(run_id, 3, answering(_question(), "Of the weir.", AT), epoch=2)
    await refused(LogConflictError, answered(store, run_id, other), "a second answer")
    stale = chunks(run_id, 4, ["late"])
    await refused(FencedError, store.append(run_id, 1, 4, stale), "the epoch before the answer")
    assert await store.append(run_id, 2, 4, chunks(run_id, 4, ["new"], 2)) == 4


async def check_a_run_that_waits_can_be_ended(store: Store) -> None:
    """A run that waits is closed like any other, by whom ever, and takes no answer afterwards."""
    conversation = await store.create_conversation("", "home", {}, AT)
    for ends_itself in (False, True):
        accepted = await accepted_run(store, conversation_id=conversation.id)
        run_id = accepted.run.run_id
        await claimed(store, run_id)
        asked = placed(run_id, 2, _question())
        await store.append(run_id, 1, 2, [asked])
        if ends_itself:
            last, final = closing([accepted.first_event, asked], Outcome.CANCELLED)
            await store.append(run_id, 1, 3, [last], final_state=final)
        else:
            await store.cancel(run_id, AT + timedelta(seconds=1))
        run = await store.get_run(run_id, "")
        message = (await store.list_messages(conversation.id, ""))[-1]
        assert (run.state, message.status) == (RunState.CANCELLED, MessageStatus.CANCELLED)
        late = placed(run_id, 3, answering(_question(), "Of the mill.", AT), epoch=2)
        await refused(LogClosedError, answered(store, run_id, late), "an answer after the end")


def answered(store: Store, run_id: str, answer: LoggedEvent) -> Awaitable[int]:
    """What comes of the answer to what the run waits for."""
    return store.resume(run_id, answer, worker="worker", lease_s=LEASE_S)


def _question() -> StreamEvent:
    request = InputRequest(
        request_id="1", question="Which plan?", expires_at=AT + timedelta(days=7)
    )
    return asking(request, stage=WorkflowStage.INTENT_ANALYSIS, node=NodeType.INTENT, at=AT)


async def check_a_live_message_shows_its_log(store: Store) -> None:
    """A message of a live run has the text of its log so far."""
    conversation = await store.create_conversation("", "home", {}, AT)
    run_id = (await accepted_run(store, conversation_id=conversation.id)).run.run_id
    await claimed(store, run_id)
    await store.append(run_id, 1, 2, chunks(run_id, 2, ["so ", "far"]))
    message = (await store.list_messages(conversation.id, ""))[1]
    assert (message.status, message.content) == (MessageStatus.STREAMING, "so far")


async def check_an_idempotency_key_finds_its_run(store: Store) -> None:
    """The same key and request give the same run; another request is refused."""
    first = await accepted_run(store, key="key")
    again = await accepted_run(store, key="key")
    assert again == first
    assert (await accepted_run(store, key="key", owner="other")).run.run_id != first.run.run_id
    reused = NewRun(
        run_id=new_run_id(),
        owner="",
        query="Another?",
        request={},
        session_id="session",
        conversation_id=None,
        idempotency_key="key",
        request_sha256="another hash",
        created_at=AT,
    )
    await refused(InvalidRequestError, store.create(reused), "a reused key")
    late = msgspec.structs.replace(reused, created_at=AT + timedelta(hours=25))
    assert (await store.create(late)).run.query == "Another?"


async def check_owners_do_not_see_each_other(store: Store) -> None:
    """Another owner's run, conversation and message are not found."""
    conversation = await store.create_conversation("ada", "home", {}, AT)
    run = (await accepted_run(store, conversation_id=conversation.id, owner="ada")).run
    message_id = run.assistant_message_id
    assert message_id is not None
    await refused(NotFoundError, store.get_run(run.run_id, "bob"), "a foreign run")
    await refused(
        NotFoundError, store.get_conversation(conversation.id, "bob"), "a foreign conversation"
    )
    await refused(NotFoundError, store.get_message(message_id, "bob"), "a foreign message")
    foreign = accepted_run(store, conversation_id=conversation.id, owner="bob")
    await refused(NotFoundError, foreign, "a run in a foreign conversation")
    assert await store.list_messages(conversation.id, "bob") == []
    assert await store.list_runs("bob", 10, None) == []
    assert await store.list_conversations("bob", 10, 0, None, "active") == ([], 0)


CHECKS = (
    check_create_commits_event_one_and_messages,
    check_nothing_is_half_made,
    check_append_is_idempotent_and_ordered,
    check_reads_follow_the_cursor,
    check_a_stale_epoch_is_fenced,
    check_a_run_is_given_back,
    check_the_end_is_one_commit_and_final,
    check_cancel_closes_the_log,
    check_open_runs_can_be_failed,
    check_a_run_waits_for_its_user,
    check_a_run_that_waits_can_be_ended,
    check_a_live_message_shows_its_log,
    check_an_idempotency_key_finds_its_run,
    check_owners_do_not_see_each_other,
    *conversations.CHECKS,
    *starting.CHECKS,
    *trimming.CHECKS,
    *snapshots.CHECKS,
)
"""Every promise of the contract, one function each; a test can be parametrised over them."""
