"""Every state of the page, in both languages and themes, wide and narrow: no barrier in any."""

import asyncio
import dataclasses
import re
from pathlib import Path

import pytest
from playwright.async_api import expect

from tailrace.testing.fault_proxy import FaultProxy, Line
from tailrace.testing.model_script import (
    ChatRequest,
    Fault,
    Reply,
    Script,
    ask_back,
    classify_as,
    script_player,
)

from .gate import Gate
from .screen import OpenPage, Serve

RICH = (Path(__file__).parent / "rich.md").read_text(encoding="utf-8")
CHINESE = "港口计划的预算是**四万欧元**。工程从三月三日开始。\n\n- 码头\n- 灯塔\n"


def script(gate: Gate) -> Script:
    """A model that goes by the question it is told last."""
    told = Reply(text=RICH, reasoning="Let me see what it says.")
    known = {
        "Tell me": classify_as("qa_analysis", told),
        "slowly": classify_as("qa_analysis", dataclasses.replace(told, before_chunk=gate)),
        "broken": classify_as(
            "qa_analysis", Reply(text="The budget of the plan is", fault=Fault.cut(5))
        ),
        "nothing": classify_as(
            "qa_analysis", Reply(text="I could not find this in your documents.")
        ),
        "unclear": ask_back("Which of the two plans?", "qa_analysis"),
        "预算": classify_as("qa_analysis", Reply(text=CHINESE)),
    }

    def choose(request: ChatRequest) -> Reply:
        return script_player(known[max(known, key=request.text.rfind)])(request)

    return choose


@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
async def test_no_state_of_an_answer_has_a_barrier(
    serve: Serve, open_page: OpenPage, locale: str
) -> None:
    gate = Gate(1, 110)
    async with (
        serve(script(gate)) as served,
        FaultProxy(served.url, Line()) as line,
    ):
        screen = await open_page(line.url, locale=locale)
        page = screen.page
        await expect(page.locator("html")).to_have_attribute("lang", re.compile(locale[:2]))
        await expect(page.locator(".rail .foot .count")).to_have_text("2")
        await screen.look("01-first")
        await screen.ask("Tell me slowly about the budget of the harbour plan")
        await expect(screen.answer.locator(".reasoning")).to_be_visible()
        await screen.look("02-working")
        gate.open()
        await expect(screen.prose).to_contain_text("Dates")
        await screen.look("03-writing")
        line.lines = [Line(refuse=True)]
        line.cut()
        await expect(page.locator(".banner")).to_be_visible()
        await screen.look("04-no-connection")
        line.lines = [Line()]
        gate.open()
        await screen.ended()
        await screen.look("05-answered")
        await screen.answer.locator(".course").click()
        await screen.answer.locator("summary").click()
        await screen.look("06-steps")
        await screen.answer.locator(".source").first.click()
        await expect(page.locator(".passage mark")).to_be_visible()
        await screen.look("07-passage")


@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
async def test_no_end_of_an_answer_and_no_view_has_a_barrier(
    serve: Serve, open_page: OpenPage, locale: str
) -> None:
    async with serve(script(Gate())) as served:
        screen = await open_page(served.url, locale=locale)
        page = screen.page
        await screen.ask("broken budget of the harbour plan")
        await expect(screen.notice).to_be_visible()
        await screen.look("08-failed")
        await screen.ask("nothing about the budget of the harbour plan")
        await expect(screen.notice).to_be_visible()
        await screen.look("09-insufficient")
        await screen.ask("unclear budget of the harbour plan")
        await expect(screen.notice).to_be_visible()
        await screen.look("10-asks")
        await screen.act.click()
        await expect(screen.notice.locator(".button")).to_be_visible()
        await screen.look("11-stopped")
        await screen.ask("预算 of the harbour plan?")
        await screen.ended()
        await screen.look("12-chinese")
        await page.reload()
        await expect(page.locator(".turn")).to_have_count(4)
        await screen.look("13-loaded")
        await screen.go("#/documents")
        await expect(page.locator(".documents li")).to_have_count(2)
        await screen.look("14-documents")
        await screen.go("#/settings")
        await screen.look("15-settings")


@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
async def test_a_phone_has_a_drawer_and_a_passage_above_the_text(
    serve: Serve, open_page: OpenPage, locale: str
) -> None:
    async with serve(script(Gate())) as served:
        screen = await open_page(served.url, locale=locale, size=(390, 780), has_touch=True)
        page = screen.page
        await screen.look("first")
        await screen.ask("Tell me about the budget of the harbour plan")
        await screen.ended()
        await screen.look("answered")
        await screen.answer.locator(".source").first.tap()
        await expect(page.locator(".passage mark")).to_be_visible()
        await screen.look("passage")
        await page.keyboard.press("Escape")
        await page.locator(".topbar button").first.tap()
        drawer = page.locator("dialog.drawer")
        await expect(drawer.get_by_role("link", name="Tell me about")).to_be_visible()
        await screen.look("drawer")
        await drawer.locator("a[href='#/documents']").tap()
        await expect(drawer).to_be_hidden()
        await expect(page.locator(".documents li")).to_have_count(2)


async def test_language_and_theme_are_chosen_and_remembered(
    serve: Serve, open_page: OpenPage
) -> None:
    async with serve(Reply()) as served:
        screen = await open_page(served.url, "#/settings")
        page = screen.page
        await page.get_by_role("radio", name="中文").check()
        await expect(page.get_by_role("heading", name="设置")).to_be_visible()
        await page.get_by_role("radio", name="深色").check()
        await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        await page.reload()
        await expect(page.get_by_role("heading", name="设置")).to_be_visible()
        await expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
        ground = await page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert sum(map(int, re.findall(r"\d+", ground)[:3])) < 150
        await page.get_by_role("radio", name="English").check()
        await page.get_by_role("radio", name="As the system").check()
        await expect(page.locator("html")).not_to_have_attribute("data-theme", "dark")


async def test_motion_is_left_out_where_it_is_not_wanted_and_forced_colours_stand(
    serve: Serve, open_page: OpenPage
) -> None:
    gate = Gate(0)
    reply = Reply(text="Good.", before_chunk=gate)
    async with serve(classify_as("qa_analysis", reply)) as served:
        screen = await open_page(served.url, reduced_motion="reduce", forced_colors="active")
        await screen.ask("What is the budget of the harbour plan?")
        await expect(screen.answer.locator(".waiting")).to_be_visible()
        ends = "Promise.all(document.getAnimations().map((each) => each.finished)).then(() => true)"
        async with asyncio.timeout(10):  # one that goes on for ever never does
            assert await screen.page.evaluate(ends)
        await screen.keep("forced")
        bar = screen.answer.locator(".reach.done .bar").first
        assert await bar.evaluate("each => getComputedStyle(each).borderTopWidth") == "1px"
        gate.open()
        await screen.ended()
