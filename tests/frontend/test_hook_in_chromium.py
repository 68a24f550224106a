"""useChatStream in a real Chromium, against the real server: the page of examples/react-chat.

Answers are written without white space, so that what can be read on the page is, to the last
character, what was written; its hash is compared with the one the run's last event carries.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx2
import pytest

from tailrace.events.ending import content_sha256
from tailrace.events.event import StreamEvent
from tailrace.events.types import EventType
from tailrace.testing.fault_proxy import FaultProxy, Line
from tailrace.testing.model_script import Fault, Reply
from tailrace.testing.model_server import ScriptedModelServer
from tailrace.testing.served import served_process
from tailrace.wire.sse import SSEDecoder

from .conftest import Lines, Serve, knowing
from .example_page import ChatPage, bundle, opened, served

QUESTION: Final = "How does it go?"
PARTS: Final = [f"{number}," for number in range(600)]
TEXT: Final = "".join(PARTS)


class Gate:
    """Holds a model back after so many chunks, until it is opened."""

    def __init__(self, after: int) -> None:
        self._after = after
        self._opened = asyncio.Event()

    def open(self) -> None:
        self._opened.set()

    async def before_chunk(self, sent: int) -> None:
        if sent >= self._after:
            await self._opened.wait()


def lines(*replies: Reply) -> Lines:
    return {QUESTION: ("simple_chat", replies)}


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the example's page is served."""
    folder = tmp_path_factory.mktemp("example")
    bundle(folder)
    with served(folder) as at:
        yield at


async def ending_shown(chat: ChatPage, url: str) -> StreamEvent:
    """The last event of the newest run; the page must show its text, by its hash."""
    async with httpx2.AsyncClient(base_url=url, trust_env=False, timeout=20) as client:
        run = (await client.get("/api/agent/runs?limit=1")).json()["items"][0]
        response = await client.get(f"/api/agent/runs/{run['run_id']}/events")
    frames = SSEDecoder().feed(response.content)
    last = StreamEvent.from_json_bytes(frames[-1].data.encode())
    assert content_sha256(await chat.answer()) == last.metadata["content_sha256"]
    return last


async def test_an_answer_is_shown_whole_and_drawn_once_a_frame_at_most(
    serve: Serve, origin: str
) -> None:
    reply = Reply(chunks=PARTS, rate=400)
    async with (
        asyncio.timeout(50),
        serve(lines(reply), allowed_origins=origin) as server,
        opened(origin, server.url) as chat,
    ):
        await chat.ask(QUESTION)
        await chat.has_text(1)
        await chat.commits_by_frame()
        await chat.shows("completed")
        frames = await chat.commits_by_frame()
        assert len(frames) == len(set(frames))
        assert 0 < len(frames) < len(PARTS)
        assert await chat.answer() == TEXT
        await ending_shown(chat, server.url)
        assert await chat.roles() == [("user", "completed"), ("assistant", "completed")]


async def test_a_stop_keeps_what_was_written(serve: Serve, origin: str) -> None:
    reply = Reply(chunks=["more,"], chunk_delay_s=0.002, fault=Fault.endless())
    async with (
        asyncio.timeout(50),
        serve(lines(reply), allowed_origins=origin) as server,
        opened(origin, server.url) as chat,
    ):
        await chat.ask(QUESTION)
        await chat.has_text(50)
        await chat.press("Stop")
        await chat.page.get_by_role("button", name="Ask").wait_for()
        ending = await ending_shown(chat, server.url)
        assert ending.type is EventType.INTERRUPTED
        assert await chat.roles() == [("user", "completed"), ("assistant", "cancelled")]


async def test_a_failure_is_said_keeps_its_text_and_can_be_tried_again(
    serve: Serve, origin: str
) -> None:
    broken = Reply(chunks=PARTS, fault=Fault.cut(20))
    async with (
        asyncio.timeout(50),
        serve(lines(broken, Reply(chunks=PARTS)), allowed_origins=origin) as server,
        opened(origin, server.url) as chat,
    ):
        await chat.ask(QUESTION)
        await chat.shows("failed")
        assert await chat.alert() == "The model gave a broken answer"
        assert await chat.answer() == "".join(PARTS[:20])
        await ending_shown(chat, server.url)
        await chat.press("Try again")
        await chat.shows("completed")
        assert await chat.answer() == TEXT
        roles = [("user", "completed"), ("assistant", "failed"), ("assistant", "completed")]
        assert await chat.roles() == roles
        assert await chat.page.get_by_role("alert").count() == 0


async def test_a_line_that_is_cut_again_and_again_loses_and_doubles_nothing(
    serve: Serve, origin: str
) -> None:
    gates = [Gate(100), Gate(200), Gate(300)]

    async def held(sent: int) -> None:
        for gate in gates:
            await gate.before_chunk(sent)

    reply = Reply(chunks=PARTS, before_chunk=held)
    async with (
        asyncio.timeout(50),
        serve(lines(reply), allowed_origins=origin) as server,
        FaultProxy(server.url) as proxy,
        opened(origin, proxy.url) as chat,
    ):
        await chat.ask(QUESTION)
        for gate, seen in zip(gates, (100, 200, 300), strict=True):
            await chat.has_text(len("".join(PARTS[:seen])))
            proxy.cut()
            await chat.page.get_by_text("Reconnecting").wait_for()
            gate.open()
            await chat.page.evaluate("dispatchEvent(new Event('online'))")
        await chat.shows("completed")
        assert await chat.answer() == TEXT
        await ending_shown(chat, server.url)
        assert await chat.page.get_by_role("alert").count() == 0


async def test_a_stream_that_stays_cut_is_shown_as_incomplete_and_can_be_taken_up_again(
    serve: Serve, origin: str
) -> None:
    gate = Gate(100)
    reply = Reply(chunks=PARTS, before_chunk=gate.before_chunk)
    async with (
        asyncio.timeout(50),
        serve(lines(reply), allowed_origins=origin) as server,
        FaultProxy(server.url) as proxy,
        opened(origin, proxy.url) as chat,
    ):
        await chat.ask(QUESTION)
        await chat.has_text(len("".join(PARTS[:100])))
        proxy.lines = [Line(refuse=True)]
        proxy.cut()
        # each return of the network is a try, so that nobody waits for all of them
        await chat.page.evaluate(
            "window.trying = setInterval(() => dispatchEvent(new Event('online')), 20)"
        )
        await chat.shows("incomplete")
        assert await chat.alert() == "The answer is incomplete"
        assert await chat.answer() == "".join(PARTS[:100])
        gate.open()
        proxy.lines = [Line()]
        await chat.press("Try again")
        await chat.shows("completed")
        assert await chat.answer() == TEXT
        await ending_shown(chat, server.url)
        assert await chat.roles() == [("user", "completed"), ("assistant", "completed")]


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a page is served that has nothing but the hooks."""
    folder = tmp_path_factory.mktemp("probe")
    bundle(folder, Path(__file__).parent / "hook_probe.tsx")
    with served(folder) as at:
        yield at


async def test_to_unmount_ends_following_and_never_the_run(serve: Serve, probe: str) -> None:
    gate = Gate(100)
    reply = Reply(chunks=PARTS, before_chunk=gate.before_chunk)
    async with (
        asyncio.timeout(50),
        serve(lines(reply), allowed_origins=probe) as server,
        opened(probe, server.url) as chat,
    ):
        page, half = chat.page, "".join(PARTS[:100])
        await page.evaluate("mount()")
        await page.wait_for_function("chat() !== null")
        await page.evaluate(f"void chat().send({QUESTION!r})")
        await page.get_by_text(half, exact=True).wait_for()
        assert await page.evaluate("senders()") == 1
        async with page.expect_event("requestfailed", lambda lost: "/stream" in lost.url):
            await page.evaluate("unmount()")
        gate.open()
        await page.evaluate("mount()")
        await page.wait_for_function("chat()?.messages.length === 0")
        await page.evaluate("chat().open(1)")
        await page.get_by_text(TEXT, exact=True).wait_for()
        assert await page.evaluate("senders()") == 1
        await page.evaluate("unmount()")


async def test_a_page_that_must_not_be_read_in_is_said_to_be_so_by_the_hook(
    serve: Serve, probe: str
) -> None:
    async with (
        asyncio.timeout(50),
        serve(lines(), allowed_origins=probe) as server,
        opened(probe, server.url) as chat,
    ):
        page = chat.page
        await page.evaluate("mount()")
        await page.wait_for_function("reading() !== null")
        await page.evaluate("void reading().start({ url: 'http://127.0.0.1/private' })")
        await page.wait_for_function("reading().ingestion?.status === 'failed'")
        error = await page.evaluate("reading().ingestion.error")
        assert (error["code"], error["retryAfterS"]) == ("invalid_request", None)
        await page.evaluate("unmount()")


async def test_a_server_that_is_killed_and_started_again_goes_on_with_the_answer(
    tmp_path: Path, origin: str
) -> None:
    endless = Reply(chunks=["more,"], chunk_delay_s=0.002, fault=Fault.endless())
    script = knowing(lines(endless, Reply(chunks=PARTS)))
    home = tmp_path / "home"
    async with (
        asyncio.timeout(80),
        ScriptedModelServer(script) as model,
        served_process(home, model.url, allowed_origins=origin) as (process, url),
        opened(origin, url) as chat,
    ):
        await chat.ask(QUESTION)
        await chat.has_text(200)
        process.kill()
        await chat.page.get_by_text("Reconnecting").wait_for()
        port = int(url.rpartition(":")[2])
        async with served_process(home, model.url, port, allowed_origins=origin):
            await chat.page.evaluate("dispatchEvent(new Event('online'))")
            await chat.shows("completed")
            assert await chat.answer() == TEXT
            await ending_shown(chat, url)
