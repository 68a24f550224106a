"""Conversations on the screen: listed, renamed, deleted; their drafts; keys; below a prefix."""

import asyncio
import socket
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from playwright.async_api import expect

from tailrace.server.app import create_app
from tailrace.testing.agents import scripted_agent
from tailrace.testing.model_script import Reply, classify_as

from .screen import OpenPage, Serve

SCRIPT = classify_as("simple_chat", Reply(text="Here I am."))


async def test_a_conversation_is_renamed_and_deleted(serve: Serve, open_page: OpenPage) -> None:
    async with serve(SCRIPT) as served:
        screen = await open_page(served.url)
        page = screen.page
        await screen.ask("Are you there?")
        await screen.ended()
        rail = page.get_by_role("navigation", name="Conversations")
        await expect(rail.get_by_role("heading", name="Today")).to_be_visible()
        await screen.button("Rename or delete").click()
        await screen.keep("menu")
        await screen.button("Rename").and_(page.locator(".menu button")).click()
        await page.keyboard.type("Roll call")
        await page.keyboard.press("Enter")
        await expect(rail.get_by_role("link", name="Roll call")).to_be_focused()
        await expect(page).to_have_title("Roll call · Tailrace")
        await screen.button("Rename or delete").click()
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        dialog = page.get_by_role("dialog", name="Delete this conversation?")
        await dialog.get_by_role("button", name="Cancel").click()
        await expect(rail.get_by_role("link", name="Roll call")).to_be_visible()
        await screen.button("Rename or delete").click()
        await screen.button("Delete").and_(page.locator(".menu button")).click()
        await dialog.get_by_role("button", name="Delete").click()
        await expect(rail.get_by_role("link")).to_have_count(0)
        await expect(page.get_by_role("heading", name="What would you like")).to_be_visible()


async def test_what_is_not_sent_yet_is_kept_for_each_conversation(
    serve: Serve, open_page: OpenPage
) -> None:
    async with serve(SCRIPT) as served:
        screen = await open_page(served.url)
        page = screen.page
        await screen.ask("Are you there?")
        await screen.ended()
        await screen.question.fill("and then")
        await page.get_by_role("button", name="New chat").first.click()
        await expect(screen.question).to_have_value("")
        await screen.question.fill("something new")
        await page.reload()
        await expect(screen.question).to_have_value("something new")
        await page.get_by_role("link", name="Are you there?").click()
        await expect(screen.question).to_have_value("and then")
        await screen.question.press("Enter")
        await expect(page.locator(".turn")).to_have_count(2)
        await screen.ended()
        await page.reload()
        await expect(page.locator(".turn")).to_have_count(2)
        await expect(screen.question).to_have_value("")


async def test_a_row_that_says_what_it_said_is_not_replaced_under_the_pointer(
    serve: Serve, open_page: OpenPage
) -> None:
    async with serve(SCRIPT) as served:
        screen = await open_page(served.url)
        page = screen.page
        await screen.ask("Are you there?")
        await screen.ended()
        link = page.get_by_role("link", name="Are you there?", exact=True)
        await link.wait_for()
        row = await link.element_handle()
        await page.get_by_role("link", name="Documents").click()
        await expect(page.get_by_role("heading", name="Documents")).to_be_visible()
        assert await row.evaluate("(each) => each.isConnected")
        await link.click()
        await expect(page.locator(".turn")).to_have_count(1)


async def test_a_key_is_asked_for_kept_for_the_tab_and_sent(
    serve: Serve, open_page: OpenPage
) -> None:
    async with serve(SCRIPT, api_keys="k-1") as served:
        screen = await open_page(served.url)
        page = screen.page
        dialog = page.get_by_role("dialog", name="API key")
        await screen.look("key")
        await dialog.get_by_label("Key", exact=True).fill("wrong")
        await page.keyboard.press("Enter")
        await expect(dialog).to_contain_text("does not know this key")
        await dialog.get_by_label("Key", exact=True).fill("k-1")
        await page.keyboard.press("Enter")
        await expect(dialog).to_have_count(0)
        await screen.ask("Are you there?")
        await expect(screen.prose).to_have_text("Here I am.")
        await screen.ended()
        await page.reload()
        await expect(screen.prose).to_have_text("Here I am.")
        await screen.go("#/settings")
        await screen.button("Forget the key").click()
        assert await page.evaluate("sessionStorage.getItem('tailrace.key')") == ""


async def test_the_page_works_below_a_prefix(tmp_path: Path, open_page: OpenPage) -> None:
    async with scripted_agent(tmp_path / "home", SCRIPT) as (agent, _):
        around = FastAPI()
        around.mount("/inner", create_app(agent))
        server = uvicorn.Server(uvicorn.Config(around, log_config=None, lifespan="off"))
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            screen = await open_page(f"http://127.0.0.1:{listener.getsockname()[1]}/inner")
            await screen.ask("Are you there?")
            await expect(screen.prose).to_have_text("Here I am.")
            await screen.ended()
            await screen.page.goto(screen.url + "plain" + "#/c/1")
            await expect(screen.prose).to_have_text("Here I am.")
            await screen.page.context.close()
            server.should_exit = True
            await serving
