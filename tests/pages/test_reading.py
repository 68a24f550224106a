"""Who reads is not moved, who writes is not cut off, who hears is not flooded."""

from playwright.async_api import Locator, expect

from tailrace.testing.model_script import Reply, classify_as

from .gate import Gate
from .screen import OpenPage, Screen, Serve

LINES = [f"Line {number} of the answer.\n\n" for number in range(60)]
_TOP = "document.querySelector('.chat').scrollTop"
_SPOKEN = """() => {
  globalThis.spoken = []
  const status = document.querySelector('[role=status]')
  new MutationObserver(() => spoken.push(status.textContent))
    .observe(status, { childList: true, characterData: true, subtree: true })
}"""


async def _top(screen: Screen) -> float:
    return await screen.page.evaluate(_TOP)


async def _end(screen: Screen) -> float:
    return await screen.page.evaluate(
        "(({ scrollHeight, scrollTop, clientHeight }) => scrollHeight - scrollTop - clientHeight)"
        "(document.querySelector('.chat'))"
    )


async def test_new_text_is_followed_until_the_reader_goes_up_and_the_end_moves_nothing(
    serve: Serve, open_page: OpenPage
) -> None:
    gate = Gate(30, 40, 50, 55)
    reply = Reply(chunks=LINES, before_chunk=gate)
    async with serve(classify_as("simple_chat", reply)) as served:
        screen = await open_page(served.url, size=(1000, 600))
        page = screen.page
        pill = screen.button("New text")
        await screen.ask("Tell me")
        await expect(screen.prose).to_contain_text("Line 29")
        assert await _end(screen) <= 8
        await expect(pill).to_be_hidden()
        await page.mouse.move(600, 300)
        await page.mouse.wheel(0, -40)
        gate.open()
        await expect(screen.prose).to_contain_text("Line 39")
        await expect(pill).to_be_visible()
        reading = await _top(screen)
        gate.open()
        await expect(screen.prose).to_contain_text("Line 49")
        assert await _top(screen) == reading
        await pill.click()
        await expect(pill).to_be_hidden()
        assert await _end(screen) <= 8
        gate.open()
        await expect(screen.prose).to_contain_text("Line 54")
        assert await _end(screen) <= 8
        await screen.prose.get_by_text("Line 52").click(click_count=3)
        gate.open()
        await screen.ended()
        selected = await page.evaluate("getSelection().toString().trim()")
        assert selected == "Line 52 of the answer."
        kept = await _top(screen)
        await expect(screen.button("Copy")).to_be_attached()
        assert await _top(screen) == kept


async def test_the_end_of_an_answer_moves_no_text(serve: Serve, open_page: OpenPage) -> None:
    gate = Gate(30)
    async with serve(
        classify_as("simple_chat", Reply(chunks=[*LINES[:30], " "], before_chunk=gate))
    ) as served:
        screen = await open_page(served.url, size=(1000, 600))
        await screen.ask("Tell me")
        line = screen.prose.get_by_text("Line 27")
        await expect(screen.prose).to_contain_text("Line 29")
        before, top = await line.bounding_box(), await _top(screen)
        gate.open()
        await screen.ended()
        await expect(screen.answer.get_by_role("button", name="Copy")).to_be_attached()
        assert await line.bounding_box() == before
        assert await _top(screen) == top  # nor did the browser have to make up for anything


async def test_enter_does_not_send_while_an_input_method_composes(
    serve: Serve, open_page: OpenPage
) -> None:
    async with serve(classify_as("simple_chat", Reply(text="Good."))) as served:
        screen = await open_page(served.url)
        await screen.question.click()
        protocol = await screen.page.context.new_cdp_session(screen.page)
        key = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 229}
        for method, facts in [
            ("imeSetComposition", {"text": "ni hao", "selectionStart": 6, "selectionEnd": 6}),
            ("dispatchKeyEvent", {"type": "rawKeyDown", **key}),
            ("dispatchKeyEvent", {"type": "keyUp", **key}),
            ("insertText", {"text": "你好"}),
        ]:
            await protocol.send(  # pyright: ignore[reportUnknownMemberType] - its stub has bare dicts
                f"Input.{method}", facts
            )
        await screen.question.press("Shift+Enter")
        await screen.page.keyboard.type("!")
        await expect(screen.question).to_have_value("你好\n!")
        await expect(screen.page.locator(".turn")).to_have_count(0)
        await screen.question.press("Enter")
        await expect(screen.turn.get_by_role("heading")).to_have_text("你好 !")
        await screen.ended()


async def test_an_answer_is_told_in_four_announcements_at_most(
    serve: Serve, open_page: OpenPage
) -> None:
    reply = Reply(chunks=LINES, reasoning="Let me see.", chunk_delay_s=0.005)
    async with serve(classify_as("qa_analysis", reply)) as served:
        screen = await open_page(served.url)
        await screen.page.evaluate(_SPOKEN)
        await screen.ask("What is the budget of the harbour plan?")
        await screen.ended()
        spoken = await screen.page.evaluate("spoken")
        assert spoken == [
            "Working on an answer",
            "The answer is being written",
            "Answer complete, 300 words, 1 source",
        ]


async def test_a_question_that_is_too_long_is_said_to_be_before_it_is_sent(
    serve: Serve, open_page: OpenPage
) -> None:
    async with serve(classify_as("simple_chat", Reply(text="Good."))) as served:
        screen = await open_page(served.url)
        limit = screen.page.locator(".composer .limit")
        await screen.question.fill("x" * 29_000)
        await expect(limit).to_be_empty()
        await screen.question.fill("\U0001f30a" * 32_768)
        await expect(limit).to_have_text("32,768 of 32,768 characters")
        await expect(screen.act).to_be_enabled()
        await screen.question.fill("x" * 32_769)
        await expect(limit).to_have_text("32,769 of 32,768 characters")
        await expect(screen.act).to_be_disabled()
        await screen.question.press("Enter")
        await expect(screen.page.locator(".turn")).to_have_count(0)


async def test_everything_can_be_reached_and_done_with_the_keyboard(
    serve: Serve, open_page: OpenPage
) -> None:
    async with serve(classify_as("qa_analysis", Reply(text="40,000 euros."))) as served:
        screen = await open_page(served.url)
        page = screen.page

        async def tab_to(wanted: Locator) -> None:
            for _ in range(40):
                if await wanted.evaluate("each => each === document.activeElement"):
                    return
                await page.keyboard.press("Tab")
                outline = await page.evaluate(
                    "getComputedStyle(document.activeElement).outlineStyle"
                )
                inside = await page.evaluate("document.activeElement.matches('textarea, .field')")
                assert inside or outline != "none", await page.evaluate(
                    "document.activeElement.outerHTML"
                )
            await expect(wanted).to_be_focused()

        await page.keyboard.press("Tab")
        await expect(screen.button("Skip to the question")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(screen.question).to_be_focused()
        await page.keyboard.type("What is the budget of the harbour plan?")
        await page.keyboard.press("Enter")
        await screen.ended()
        await expect(screen.question).to_be_focused()
        for _ in range(3):
            await page.keyboard.press("Shift+Tab")
        course = screen.answer.locator(".course")
        source = screen.answer.locator(".source").first
        await tab_to(source)
        await page.keyboard.press("Enter")
        passage = page.get_by_role("dialog")
        await expect(passage.get_by_role("heading")).to_be_focused()
        await tab_to(passage.get_by_role("button", name="Close"))
        await page.keyboard.press("Enter")
        await expect(source).to_be_focused()
        await page.keyboard.press("Shift+Tab")
        await expect(course).to_be_focused()
        await page.keyboard.press("Space")
        await expect(course).to_have_attribute("aria-expanded", "true")
        await page.reload()
        await tab_to(page.get_by_role("link", name="Documents"))
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", name="Documents")).to_be_focused()
