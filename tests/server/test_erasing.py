"""What a person erases is gone: for every route, and from every file of the home."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2

from tailrace.stores.registry import check_store
from tailrace.testing.model_script import Reply

if TYPE_CHECKING:
    from conftest import Serve, Serving

NEST = "the heron's nest"
QUERY = f"Where is {NEST}?"


def bytes_of(home: Path) -> bytes:
    """Everything in every file of the home."""
    return b"".join(file.read_bytes() for file in sorted(home.rglob("*")) if file.is_file())


async def answered(serving: "Serving", query: str, **body: int) -> str:
    run_id = await serving.start(query, **body)
    await serving.watch(run_id)
    return run_id


async def test_an_erased_conversation_is_in_no_route_and_no_file(
    serve: "Serve", tmp_path: Path
) -> None:
    async with serve(Reply(text=f"I found {NEST} by the weir.")) as serving:
        conversation, kept = await serving.converse(), await serving.converse()
        run_id = await answered(serving, QUERY, conversation_id=conversation)
        other = await answered(serving, "hello", conversation_id=kept)
        await serving.client.delete(f"/api/agent/runs/{other}")
        assert NEST.encode() in bytes_of(tmp_path)
        erased = await serving.client.delete(f"/api/agent/conversations/{conversation}")
        again = await serving.client.delete(f"/api/agent/conversations/{conversation}")
        assert (erased.status_code, erased.json()) == (200, {"wiped": True})
        assert (again.status_code, again.json()["code"]) == (404, "not_found")
        assert NEST.encode() not in bytes_of(tmp_path)
        assert (await serving.client.get(f"/api/agent/runs/{run_id}")).status_code == 404
        assert (await serving.client.get(f"/api/agent/runs/{run_id}/events")).status_code == 404
        assert await serving.messages(conversation) == []
        assert await serving.messages(kept) == []
        assert await serving.stored() == (0, 1, 0)
    assert NEST.encode() not in bytes_of(tmp_path)
    assert check_store(tmp_path / "home", None).intact


async def test_a_run_is_erased_while_others_stream(serve: "Serve", tmp_path: Path) -> None:
    text = " ".join(f"{n} and" for n in range(200))
    async with serve(Reply(text=text, chunk_delay_s=0.001)) as serving:
        doomed = await answered(serving, QUERY)
        runs = [await serving.start(f"hello {n}") for n in range(3)]
        watching = asyncio.gather(*(serving.events(run_id) for run_id in runs))
        erased = await serving.client.delete(f"/api/agent/runs/{doomed}")
        logs = await watching
        assert erased.json() == {"wiped": True}
        assert [events[-1].metadata["outcome"] for events in logs] == ["answered"] * 3
        assert [[e.seq for e in events] for events in logs] == [
            list(range(1, len(events) + 1)) for events in logs
        ]
        assert NEST.encode() not in bytes_of(tmp_path)


async def test_nobody_erases_or_prunes_what_is_somebody_elses(serve: "Serve") -> None:
    async with serve(api_keys="ada:one,bob:two") as serving:
        ada, bob = ({"authorization": f"Bearer {key}"} for key in ("one", "two"))
        made = await serving.client.post(
            "/api/agent/chat/conversations", json={"page_name": "home"}, headers=ada
        )
        conversation = made.json()["id"]
        body = {"query": QUERY, "conversation_id": conversation}
        run = (await serving.client.post("/api/agent/chat", json=body, headers=ada)).json()
        paths = [
            f"/api/agent/runs/{run['workflow_id']}",
            f"/api/agent/conversations/{conversation}",
        ]
        refused = [await serving.client.delete(path, headers=bob) for path in paths]
        pruning = {"older_than_s": 0}
        pruned = await serving.client.post("/api/agent/runs/prune", json=pruning, headers=bob)
        erased = await serving.client.delete(paths[1], headers=ada)
    assert [response.status_code for response in refused] == [404, 404]
    assert pruned.json() == {"runs": 0, "events": 0, "done": True}
    assert erased.json() == {"wiped": False}


async def test_old_events_are_let_go_of_and_the_answer_can_still_be_read(
    serving: "Serving",
) -> None:
    conversation = await serving.converse()
    run_id = await answered(serving, "hello", conversation_id=conversation)
    before, client = await serving.messages(conversation), serving.client

    async def prune(**body: float) -> httpx2.Response:
        return await client.post("/api/agent/runs/prune", json=body)

    last_seq = (await client.get(f"/api/agent/runs/{run_id}")).json()["last_seq"]
    assert (await prune(older_than_s=3600)).json() == {"runs": 0, "events": 0, "done": True}
    went = {"runs": 1, "events": last_seq - 1, "done": True}
    assert (await prune(older_than_s=0, dry_run=True)).json() == went
    assert (await prune(older_than_s=0)).json() == went
    assert await serving.messages(conversation) == before
    shown = (await client.get(f"/api/agent/runs/{run_id}")).json()
    gone = await client.get(f"/api/agent/runs/{run_id}/events")
    end = await client.get(f"/api/agent/runs/{run_id}/events?after=1-{last_seq - 1}")
    assert shown["text"] == before[1]["content"]
    assert (gone.status_code, gone.json()["code"]) == (410, "history_trimmed")
    assert b'"stream_complete"' in end.content
    assert (await prune(older_than_s=-1)).status_code == 422
