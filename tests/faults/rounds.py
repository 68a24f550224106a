"""What the rounds with real processes have in common: runs, their viewers, what must hold."""

import sqlite3
from collections.abc import Sequence
from contextlib import aclosing, closing
from pathlib import Path

import httpx2
import msgspec

from tailrace.client import AsyncClient
from tailrace.client.question import Question
from tailrace.events.ending import content_sha256
from tailrace.events.event import StreamEvent
from tailrace.events.fold import RunFold
from tailrace.events.types import Outcome
from tailrace.testing.model_script import ChatRequest, Reply, Script, classify_as, script_player

ANSWER = " ".join(f"{n} é漢😀" for n in range(100))
"""Each part of it occurs once, so that nothing lost, doubled or swapped goes unseen."""
CHAT, SEARCH = "Tell me all", "What about the boiler?"
_TOLD = Reply(ANSWER, chunk_delay_s=0.003)


class Conversation(msgspec.Struct):
    """A conversation with one run in it, and the transcripts of that run's two viewers."""

    id: int
    run_id: str = ""
    seen: tuple[list[StreamEvent], list[StreamEvent]] = msgspec.field(
        default_factory=lambda: ([], [])
    )


def scripted(told: Reply = _TOLD) -> Script:
    """A model that takes questions about the boiler for such as need documents, others for talk."""
    searching = script_player(classify_as("qa_analysis", told))
    talking = script_player(classify_as("simple_chat", told))

    def choose(request: ChatRequest) -> Reply:
        return searching(request) if SEARCH in request.text else talking(request)

    return choose


async def conversations(url: str, count: int) -> list[Conversation]:
    async with httpx2.AsyncClient(base_url=url, trust_env=False) as http:
        made = [
            await http.post("/api/agent/chat/conversations", json={"page_name": "home"})
            for _ in range(count)
        ]
    return [Conversation(id=each.json()["id"]) for each in made]


async def ask(conversation: Conversation, client: AsyncClient, query: str) -> None:
    """Start the conversation's run; whatever happens to the server, the run is started once."""
    conversation.run_id = await client.start(Question(query=query, conversation_id=conversation.id))


async def follow(conversation: Conversation, client: AsyncClient, viewer: int) -> None:
    """Follow the run to its end, however often the line is lost."""
    async with aclosing(client.watch(conversation.run_id)) as events:
        async for event in events:
            conversation.seen[viewer].append(event)


def fold_of(events: Sequence[StreamEvent]) -> RunFold:
    fold = RunFold()
    for event in events:
        fold.apply(event)
    return fold


def check_all(home: Path, asked: Sequence[Conversation], text: str = ANSWER) -> None:
    """Nothing that was asked is lost, doubled, swapped or stuck, and all have seen the same."""
    with closing(sqlite3.connect(f"file:{home / 'tailrace.db'}?mode=ro", uri=True)) as database:
        live = "SELECT run_id, state FROM runs WHERE state IN ('queued', 'running', 'waiting')"
        assert database.execute(live).fetchall() == []
        stuck = "SELECT id, status FROM messages WHERE status IN ('pending', 'streaming')"
        assert database.execute(stuck).fetchall() == []
        for conversation in asked:
            _check_one(database, conversation, text)


def _check_one(database: sqlite3.Connection, conversation: Conversation, text: str) -> None:
    log = [
        StreamEvent.from_json_bytes(data)
        for (data,) in database.execute(
            "SELECT data FROM events WHERE run = (SELECT id FROM runs WHERE run_id = ?) "
            "ORDER BY seq",
            (conversation.run_id,),
        )
    ]
    messages = database.execute(
        "SELECT role, status, content FROM messages WHERE conversation_id = ? ORDER BY id",
        (conversation.id,),
    ).fetchall()
    assert [event.seq for event in log] == list(range(1, len(log) + 1))
    assert [event.seq for event in log if event.is_terminal] == [len(log)]
    assert conversation.seen == (log, log)
    assert log[-1].metadata["outcome"] == Outcome.ANSWERED, log[-1]
    assert log[-1].metadata["content_sha256"] == content_sha256(text)
    assert fold_of(log).text == text
    assert [message[:2] for message in messages] == [
        ("user", "completed"),
        ("assistant", "completed"),
    ]
    assert messages[1][2] == text
