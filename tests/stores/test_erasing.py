"""What is erased is gone: from every list, and from every byte of the files."""

from pathlib import Path

import pytest

from tailrace.errors import ConflictError, NotFoundError
from tailrace.settings import Settings
from tailrace.stores.base import Store
from tailrace.stores.registry import check_store, erasing_of, open_stores, vectors_of
from tailrace.testing.documents import put
from tailrace.testing.made_runs import AT, accepted_run, refused
from tailrace.testing.trimming import LATER, ended_run

NEST = "the heron's nest"


def bytes_of(home: Path) -> bytes:
    """Everything in every file of the home."""
    return b"".join(file.read_bytes() for file in sorted(home.rglob("*")) if file.is_file())


async def conversation_with(store: Store, *answers: str) -> tuple[int, list[str]]:
    """A conversation of ended runs that gave those answers, and the runs."""
    conversation = await store.create_conversation("", "home", {}, AT)
    logs = [await ended_run(store, [each], conversation_id=conversation.id) for each in answers]
    return conversation.id, [log[0].event.run_id for log in logs]


@pytest.mark.parametrize("limit", [1, 3, 1_000])
async def test_a_conversation_is_erased_in_steps_and_the_others_stay(
    tmp_path: Path, limit: int
) -> None:
    store, _ = await open_stores(Settings(home=tmp_path))
    erasing = erasing_of(store)
    doomed, runs = await conversation_with(store, NEST, f"again {NEST}")
    kept, (other,) = await conversation_with(store, "a plan")
    messages = await store.list_messages(kept, "")
    while not await erasing.erase_conversation(doomed, limit):
        assert [c.id for c in (await store.list_conversations("", 9, 0, None, "active"))[0]] == [
            kept
        ]
    assert await store.list_messages(doomed, "") == []
    for run_id in runs:
        await refused(NotFoundError, store.get_run(run_id, ""), "an erased run")
    assert [run.run_id for run in await store.list_runs("", 9, None)] == [other]
    assert await store.list_messages(kept, "") == messages
    assert NEST.encode() in bytes_of(tmp_path)
    await erasing.wipe()
    assert NEST.encode() not in bytes_of(tmp_path)
    assert check_store(tmp_path, None).intact
    await store.aclose()


async def test_a_run_is_erased_with_its_answer_and_a_question_that_is_nobody_elses(
    tmp_path: Path,
) -> None:
    store, _ = await open_stores(Settings(home=tmp_path))
    erasing = erasing_of(store)
    conversation = await store.create_conversation("", "home", {}, AT)
    first = (
        await accepted_run(store, conversation_id=conversation.id, query=f"Where is {NEST}?")
    ).run
    await store.cancel(first.run_id, AT)
    again = await accepted_run(
        store,
        conversation_id=conversation.id,
        query=f"Where is {NEST}?",
        retry_of=first.run_id,
    )
    await store.cancel(again.run.run_id, AT)
    assert await erasing.erase_run(first.run_id, 100)
    left = await store.list_messages(conversation.id, "")
    assert [(m.role, m.run_id) for m in left] == [("user", None), ("assistant", again.run.run_id)]
    assert await erasing.erase_run(again.run.run_id, 100)
    assert await erasing.erase_run(again.run.run_id, 100)
    assert await store.list_messages(conversation.id, "") == []
    assert (await store.get_conversation(conversation.id, "")).title is None
    await erasing.wipe()
    await store.aclose()
    assert NEST.encode() not in bytes_of(tmp_path)


async def test_what_still_works_is_not_erased(tmp_path: Path) -> None:
    store, _ = await open_stores(Settings(home=tmp_path))
    erasing = erasing_of(store)
    conversation, _ = await conversation_with(store, "a plan")
    live = (await accepted_run(store, conversation_id=conversation)).run
    await refused(ConflictError, erasing.erase_run(live.run_id, 9), "a live run")
    await refused(ConflictError, erasing.erase_conversation(conversation, 9), "a live conversation")
    assert len(await store.list_messages(conversation, "")) == 4
    assert (await store.get_conversation(conversation, "")).status == "active"
    await store.aclose()


async def test_only_what_is_old_is_found(tmp_path: Path) -> None:
    store, _ = await open_stores(Settings(home=tmp_path))
    erasing = erasing_of(store)
    used, _ = await conversation_with(store, "a plan")
    deleted, _ = await conversation_with(store, "another plan")
    live, _ = await conversation_with(store, "a third one")
    await accepted_run(store, conversation_id=live)
    await store.delete_conversation(deleted, "", AT)
    lone = (await ended_run(store, ["alone"]))[0].event.run_id
    assert await erasing.old_conversations(LATER, 9, deleted=True) == [deleted]
    assert await erasing.old_conversations(LATER, 9, deleted=False) == [used]
    assert await erasing.old_conversations(AT, 9, deleted=True) == []
    assert await erasing.old_runs(LATER, 9) == [lone]
    assert await erasing.old_runs(AT, 9) == []
    await store.aclose()


async def test_forgotten_keys_may_be_used_anew(tmp_path: Path) -> None:
    store, _ = await open_stores(Settings(home=tmp_path))
    first = await accepted_run(store, key="key")
    assert await erasing_of(store).free_keys(AT, 9) == 0
    assert await erasing_of(store).free_keys(LATER, 9) == 1
    assert (await accepted_run(store, key="key")).run.run_id != first.run.run_id
    await store.aclose()


@pytest.mark.parametrize("others", [0, 2])
async def test_removed_documents_are_in_no_file_any_more(tmp_path: Path, others: int) -> None:
    store, documents = await open_stores(Settings(home=tmp_path))
    vectors = vectors_of(store)
    for number in range(others):
        await put(documents, f"/kept{number}", "what stays\nis here")
    row = await put(documents, "/secret", f"The nest is at {NEST}.\nNobody knows.")
    while await vectors.finish():
        pass
    [piece, *_] = await vectors.unembedded("model", 9)
    await vectors.keep("model", 4, [(piece.sha256, b"vector of the nest")])
    await documents.delete(row.id, "")
    await erasing_of(store).wipe()
    await store.aclose()
    words = (NEST.encode(), b"heron", b"Nobody", b"nobodi", b"vector of the nest")
    assert [word for word in words if word in bytes_of(tmp_path)] == []
