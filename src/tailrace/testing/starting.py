"""Testing kit: proves that a store makes a run once for a key, and only where it may."""

from datetime import timedelta

import msgspec

from tailrace._ids import new_run_id
from tailrace.errors import ConflictError, InvalidRequestError
from tailrace.events.asking import InputRequest, answering, asking
from tailrace.events.types import NodeType, WorkflowStage
from tailrace.stores.base import NewRun, RunState, Store
from tailrace.testing.made_runs import AT, LEASE_S, accepted_run, claimed, placed, refused
from tailrace.testing.trimming import LATER

_DAY = timedelta(hours=24)


def _asked(query: str, *, key: str | None = None, conversation_id: int | None = None) -> NewRun:
    return NewRun(
        run_id=new_run_id(),
        owner="",
        query=query,
        request={"query": query},
        session_id="session",
        conversation_id=conversation_id,
        idempotency_key=key,
        request_sha256=query,
        created_at=AT,
    )


def _later(run: NewRun, by: timedelta) -> NewRun:
    return msgspec.structs.replace(run, run_id=new_run_id(), created_at=AT + by)


async def check_a_key_is_free_again_after_a_day(store: Store) -> None:
    """Until then it finds its run; afterwards anybody's request may use it, whoever has it still.

    That the run goes on, or that nobody has cleared up meanwhile, changes nothing.
    """
    asked, other = _asked("One?", key="key"), _asked("Another?", key="key")
    first = (await store.create(asked)).run
    assert (await store.create(_later(asked, _DAY))).run == first
    await refused(InvalidRequestError, store.create(_later(other, _DAY)), "a key within its day")
    after = _DAY + timedelta(seconds=1)
    second = (await store.create(_later(other, after))).run
    assert (second.query, second.state) == ("Another?", RunState.QUEUED)
    assert (await store.create(_later(other, after))).run == second
    await refused(InvalidRequestError, store.create(_later(asked, after)), "another's key now")
    assert await store.get_run(first.run_id, "") == first


async def check_a_key_finds_its_run_without_its_log(store: Store) -> None:
    """A repeat finds its run after the run's events were let go of, too."""
    asked = _asked("One?", key="key")
    run_id = (await store.create(asked)).run.run_id
    ended = await store.cancel(run_id, AT)
    await store.trim(LATER, 100)
    found = (await store.create(_later(asked, _DAY))).run
    assert (found.run_id, found.state) == (run_id, ended.state)


async def check_a_busy_conversation_refuses_who_wants_it_for_itself(store: Store) -> None:
    """A run in the queue or at work is in the way; one that waits for its user or ended is not."""
    conversation = await store.create_conversation("", "home", {}, AT)
    alone = msgspec.structs.replace(
        _asked("Now?", key="key", conversation_id=conversation.id), unless_busy=True
    )
    elsewhere = await store.create_conversation("", "home", {}, AT)
    await accepted_run(store, conversation_id=elsewhere.id)
    first = (await accepted_run(store, conversation_id=conversation.id)).run.run_id
    await refused(ConflictError, store.create(alone), "a run beside one in the queue")
    await claimed(store, first)
    await refused(ConflictError, store.create(alone), "a run beside one at work")
    assert len(await store.list_messages(conversation.id, "")) == 2, "a refusal leaves nothing"
    question = InputRequest(request_id="1", question="Which?", expires_at=AT + _DAY)
    asking_event = asking(
        question, stage=WorkflowStage.INTENT_ANALYSIS, node=NodeType.INTENT, at=AT
    )
    await store.append(first, 1, 2, [placed(first, 2, asking_event)])
    made = (await store.create(alone)).run
    assert (await store.create(_later(alone, _DAY))).run == made, "a repeat is no second run"
    await store.cancel(made.run_id, AT)
    answer = placed(first, 3, answering(asking_event, "That.", AT), epoch=2)
    await store.resume(first, answer, worker="worker", lease_s=LEASE_S)
    another = msgspec.structs.replace(alone, run_id=new_run_id(), idempotency_key="other")
    await refused(ConflictError, store.create(another), "a run beside one that goes on")
    await store.cancel(first, AT)
    assert (await store.create(another)).run.state is RunState.QUEUED


CHECKS = (
    check_a_key_is_free_again_after_a_day,
    check_a_key_finds_its_run_without_its_log,
    check_a_busy_conversation_refuses_who_wants_it_for_itself,
)
