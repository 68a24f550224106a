"""A line that breaks, a server that is killed, a page that is loaded again: nothing is lost."""

import socket
from pathlib import Path

from playwright.async_api import expect

from tailrace.testing.fault_proxy import FaultProxy, Line
from tailrace.testing.model_script import Fault, Reply, classify_as
from tailrace.testing.model_server import ScriptedModelServer
from tailrace.testing.served import served_process

from .gate import Gate
from .screen import OpenPage, Serve, events_of, newest_run, one_line, sha256

WORDS = [f"word{number} " for number in range(60)]
TEXT = "".join(WORDS)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


async def test_a_killed_server_is_waited_for_and_goes_on_where_it_was(
    tmp_path: Path, open_page: OpenPage
) -> None:
    reply = Reply(chunks=["word "], chunk_delay_s=0.01, fault=Fault.endless())
    async with (
        ScriptedModelServer(classify_as("simple_chat", reply)) as model,
        ScriptedModelServer(classify_as("simple_chat", Reply(chunks=WORDS))) as next_model,
    ):
        port = _free_port()
        async with served_process(tmp_path / "home", model.url, port) as (first, _):
            screen = await open_page(f"http://127.0.0.1:{port}")
            await screen.ask("Go on for ever")
            await expect(screen.prose).to_contain_text("word word word")
            first.kill()
            await first.wait()
            banner = screen.page.locator(".banner")
            await expect(banner).to_be_visible()
            await expect(banner).to_contain_text("The server cannot be reached")
            await expect(screen.prose).to_contain_text("word word word")
        async with served_process(tmp_path / "home", next_model.url, port):
            await screen.ended()
            await expect(banner).to_be_hidden()
            assert await screen.written() == one_line(TEXT)
            await screen.page.reload()
            await expect(screen.prose).to_have_text(one_line(TEXT))
            await expect(screen.page.locator(".turn")).to_have_count(1)


async def test_a_cut_line_is_rejoined_and_the_text_equals_its_hash(
    serve: Serve, open_page: OpenPage
) -> None:
    gate = Gate(20, 40)
    reply = Reply(chunks=WORDS, before_chunk=gate)
    async with (
        serve(classify_as("simple_chat", reply)) as served,
        FaultProxy(served.url, Line()) as line,
    ):
        screen = await open_page(line.url)
        await screen.ask("Tell me")
        await expect(screen.prose).to_contain_text("word19")
        line.cut()
        gate.open()
        await expect(screen.prose).to_contain_text("word39")
        line.lines = [Line(cut_after=300), Line(cut_after=0), Line()]
        line.cut()
        gate.open()
        await screen.ended()
        assert await screen.written() == TEXT.strip()
        *_, end = await events_of(served, (await newest_run(served)).run_id)
        assert end.metadata["content_sha256"] == sha256(TEXT)
        await expect(screen.notice).to_have_count(0)


async def test_a_page_that_is_loaded_again_goes_on_where_the_answer_is(
    serve: Serve, open_page: OpenPage
) -> None:
    gate = Gate(20)
    async with serve(classify_as("simple_chat", Reply(chunks=WORDS, before_chunk=gate))) as served:
        screen = await open_page(served.url)
        await screen.ask("Tell me")
        await expect(screen.prose).to_contain_text("word19")
        assert screen.page.url.endswith("#/c/1")
        await screen.page.reload()
        await expect(screen.prose).to_contain_text("word19")
        await expect(screen.act).to_have_accessible_name("Stop")
        gate.open()
        await screen.ended()
        assert await screen.written() == TEXT.strip()
        await expect(screen.page.locator(".turn")).to_have_count(1)


async def test_an_answer_goes_on_while_another_conversation_is_shown(
    serve: Serve, open_page: OpenPage
) -> None:
    gate = Gate(20)
    async with serve(classify_as("simple_chat", Reply(chunks=WORDS, before_chunk=gate))) as served:
        screen = await open_page(served.url)
        await screen.ask("Tell me")
        await expect(screen.prose).to_contain_text("word19")
        row = screen.page.get_by_role("listitem").filter(has_text="Tell me")
        await expect(row.locator(".live-dot")).to_be_visible()
        await screen.page.get_by_role("button", name="New chat").first.click()
        await expect(screen.page.get_by_role("heading", name="What would you")).to_be_visible()
        await expect(row.locator(".live-dot")).to_be_visible()
        gate.open()
        await expect(row.locator(".live-dot")).to_have_count(0)
        await row.get_by_role("link").click()
        await expect(screen.prose).to_contain_text("word59")
        assert one_line(await screen.prose.inner_text()) == TEXT.strip()
        await expect(screen.question).to_be_focused()


async def test_a_question_that_did_not_reach_the_server_is_kept_and_asked_again(
    serve: Serve, open_page: OpenPage
) -> None:
    async with (
        serve(classify_as("simple_chat", Reply(text="Here I am."))) as served,
        FaultProxy(served.url, Line()) as line,
    ):
        screen = await open_page(line.url)
        await expect(screen.page.locator(".rail .model")).to_have_text("scripted")
        line.lines = [Line(refuse=True)]
        line.cut()
        await screen.ask("Are you there?")
        alert = screen.page.get_by_role("alert")
        await expect(alert).to_be_visible(timeout=30_000)
        await expect(screen.turn.get_by_role("heading", name="Are you there?")).to_be_visible()
        line.lines = [Line()]
        await alert.get_by_role("button", name="Ask again").click()
        await expect(screen.prose).to_have_text("Here I am.")
        await screen.ended()
        await expect(screen.page.locator(".turn")).to_have_count(1)
        assert len(await served.agent.parts.store.list_runs("", 10, None)) == 1


async def test_an_answer_whose_line_stays_lost_is_called_incomplete_and_can_be_taken_up_again(
    serve: Serve, open_page: OpenPage
) -> None:
    gate = Gate(20)
    async with (
        serve(classify_as("simple_chat", Reply(chunks=WORDS, before_chunk=gate))) as served,
        FaultProxy(served.url, Line()) as line,
    ):
        screen = await open_page(line.url)
        await screen.page.clock.install()
        await screen.page.reload()
        await screen.ask("Tell me")
        await expect(screen.prose).to_contain_text("word19")
        line.lines = [Line(refuse=True)]
        line.cut()
        for _ in range(40):  # its waits grow to 8 s each; here they pass at once
            await screen.page.clock.fast_forward(8_000)
            if await screen.notice.count():
                break
        await expect(screen.notice).to_contain_text("This answer is incomplete")
        await expect(screen.prose).to_contain_text("word19")
        await expect(screen.page.locator(".banner")).to_be_hidden()
        await screen.look("incomplete")
        line.lines = [Line()]
        gate.open()
        await screen.notice.get_by_role("button", name="Try again").click()
        await expect(screen.notice).to_have_count(0)
        await screen.ended()
        assert await screen.written() == TEXT.strip()
