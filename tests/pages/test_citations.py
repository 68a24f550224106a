"""What an answer rests on: numbers in its text, the words behind each, and their place."""

import re

from playwright.async_api import expect

from tailrace.agent import default_engine
from tailrace.stores.sqlite.revisions import KEPT_REVISIONS
from tailrace.testing.model_script import Reply, classify_as

from .gate import Gate
from .quoting import QuotingNode, Said
from .screen import OpenPage, Serve, one_line

BUDGET = "The budget of the harbour plan is 40,000 euros."
WORK = "The work on the quay starts on 3 March and ends in June."
LAMP = "The lamp of the harbour is green."
DOCUMENTS = {
    "harbour.md": f"# The harbour plan\n\n## Budget\n\n{BUDGET}\n\nIt was agreed in May.\n",
    "dates.md": f"# Dates of the harbour\n\n{WORK}\n",
    "notes.md": f"# Notes on the harbour\n\n{LAMP}\n",
}
ASKED = "What of the harbour: the budget of the plan, the work on the quay, the green lamp?"
PIECES = (
    Said("The plan costs **40,000 euros**. ", [BUDGET]),
    Said("See [the town](https://town.example) for more 🌊.\n\n"),
    Said("- The work starts on *3 March*.\n", [WORK, "It was agreed in May."]),
    Said("- The lamp is green.\n\n", [LAMP]),
    Said("Nothing else is known."),
)
WRITTEN = "The plan costs 40,000 euros. See the town (opens in a new tab) for more 🌊."
_NUMBERS = "all => all.map((each) => each.dataset.number)"
_COPIED = """() => {
  getSelection().selectAllChildren(document.querySelector('.prose'))
  document.execCommand('copy')
  return getSelection().toString()
}"""


async def test_a_number_behind_a_sentence_shows_its_words_and_opens_their_place(
    serve: Serve, open_page: OpenPage
) -> None:
    engine = default_engine(QuotingNode(PIECES))
    async with serve(classify_as("qa_analysis"), DOCUMENTS, engine=engine) as served:
        screen = await open_page(served.url, size=(1440, 900))
        page = screen.page
        await screen.ask(ASKED)
        await screen.ended()
        marks = screen.prose.locator(".md-mark")
        await expect(marks).to_have_count(4)
        first = marks.first
        number = await first.get_attribute("data-number")
        await expect(first).to_have_accessible_name(f"Source {number}")
        await first.hover()
        card = page.locator(".quote-card")
        await expect(card).to_contain_text(BUDGET)
        await expect(card).to_contain_text("The harbour plan")
        await screen.keep("hovered")
        await first.click()
        await expect(card).to_be_hidden()
        passage = page.get_by_role("dialog")
        await expect(passage.locator("mark")).to_have_text(BUDGET)
        await expect(passage).to_contain_text("It was agreed in May.")
        await screen.look("passage")
        await passage.get_by_role("button", name="Next quote").click()
        await expect(passage.locator("mark")).not_to_have_text(BUDGET)
        await page.keyboard.press("Escape")
        await expect(first).to_be_focused()
        await expect(card).to_be_hidden()
        await page.keyboard.press("Tab")
        await page.keyboard.press("Shift+Tab")
        await expect(first).to_have_accessible_description(re.compile(BUDGET))
        await page.keyboard.press("Escape")
        await expect(card).to_be_hidden()
        await screen.answer.locator(".course").click()
        lookups = screen.answer.locator(".lookups")
        await lookups.locator("summary").click()
        await expect(lookups.get_by_role("listitem")).to_have_text(
            [
                "Searched the documents for “quay work” · 3 passages",
                "Searched earlier conversations for “the lamp” · nothing was found",
                "Read on around a passage · 2 passages",
            ]
        )
        await screen.look("steps")


async def test_numbers_come_while_an_answer_is_written_and_no_copy_has_them(
    serve: Serve, open_page: OpenPage
) -> None:
    gate = Gate(1, 4)
    engine = default_engine(QuotingNode(PIECES, gate))
    async with serve(classify_as("qa_analysis"), DOCUMENTS, engine=engine) as served:
        screen = await open_page(served.url, permissions=["clipboard-read", "clipboard-write"])
        page, marks = screen.page, screen.prose.locator(".md-mark")
        await screen.ask(ASKED)
        await expect(marks).to_have_count(1)
        await page.evaluate("globalThis.first = document.querySelector('.md-mark')")
        gate.open()
        await expect(marks).to_have_count(4)
        await screen.keep("writing")
        gate.open()
        await screen.ended()
        assert await page.evaluate("first === document.querySelector('.md-mark')")
        shown = f"{WRITTEN} The work starts on 3 March. The lamp is green. Nothing else is known."
        assert one_line(await screen.prose.inner_text()) == shown
        content = one_line(await screen.prose.text_content() or "")
        assert content == shown.replace(". The", ".The").replace(". No", ".No")
        selected = one_line(await page.evaluate(_COPIED))
        assert selected.replace("town(", "town (") == shown
        copied = await page.evaluate("navigator.clipboard.readText()")
        assert not re.search(r"[0-9]", copied.replace("40,000", "").replace("3 March", ""))
        await screen.answer.get_by_role("button", name="Copy").click()
        await expect(screen.button("Copied")).to_be_visible()
        whole = "".join(piece.text for piece in PIECES)
        assert await page.evaluate("navigator.clipboard.readText()") == whole
        numbers = await marks.evaluate_all(_NUMBERS)
        await page.reload()
        await expect(marks).to_have_count(4)
        assert numbers == await marks.evaluate_all(_NUMBERS)


async def test_a_document_that_has_changed_says_so_and_can_be_seen_as_it_is_now(
    serve: Serve, open_page: OpenPage
) -> None:
    engine = default_engine(QuotingNode(PIECES))
    async with serve(classify_as("qa_analysis"), DOCUMENTS, engine=engine) as served:
        screen = await open_page(served.url, size=(1440, 900))
        passage = screen.page.get_by_role("dialog")
        note, mark = passage.locator(".note"), passage.locator("mark")
        await screen.ask(ASKED)
        await screen.ended()
        ingest = served.agent.parts.ingest
        await ingest.add_text("harbour.md", f"# The plan\n\nChanged in June.\n\n{BUDGET}\n")
        await ingest.add_text("dates.md", "# Dates\n\nNobody knows when.\n")
        await screen.page.reload()
        await expect(screen.answer.locator(".source.stale")).to_have_count(2)
        await expect(screen.button("Source 3 Dates of the harbour changed since")).to_be_visible()
        marks = screen.prose.locator(".md-mark")
        await marks.first.click()
        await expect(note).to_contain_text("This document has changed since.")
        await expect(mark).to_have_text(BUDGET)
        await expect(passage.locator(".words")).not_to_contain_text("Changed in June.")
        await screen.look("stale")
        await passage.get_by_role("button", name="See it as it is now").click()
        await expect(note).to_contain_text("The words are still in it.")
        await expect(passage.locator(".words")).to_contain_text("Changed in June.")
        await expect(mark).to_have_text(BUDGET)
        await passage.get_by_role("button", name="Back to how it was").click()
        await expect(passage.locator(".words")).not_to_contain_text("Changed in June.")
        await marks.and_(screen.page.get_by_role("button", name=re.compile("3"))).click()
        await expect(mark).to_have_text(WORK)
        await passage.get_by_role("button", name="See it as it is now").click()
        await expect(note).to_contain_text("no longer near this place")
        await screen.keep("without")
        for number in range(KEPT_REVISIONS + 1):
            await ingest.add_text("notes.md", f"# Notes\n\nVersion {number}.\n")
        await marks.last.click()
        await expect(note).to_contain_text("how it was then is no longer kept")
        await expect(mark).to_have_text(LAMP)


async def test_words_of_a_document_that_is_gone_are_still_shown(
    serve: Serve, open_page: OpenPage
) -> None:
    engine = default_engine(QuotingNode(PIECES))
    async with serve(classify_as("qa_analysis"), DOCUMENTS, engine=engine) as served:
        screen = await open_page(served.url, size=(390, 780), has_touch=True, locale="zh-CN")
        passage = screen.page.get_by_role("dialog")
        await screen.ask(ASKED)
        await screen.ended()
        first = screen.prose.locator(".md-mark").first
        await screen.keep("phone")
        await first.tap()
        await expect(passage.locator("mark")).to_have_text(BUDGET)
        await screen.look("phone-passage")
        await screen.page.keyboard.press("Escape")
        rows, _ = await served.agent.parts.documents.list_documents("", limit=9, offset=0)
        for row in rows:
            await served.agent.parts.ingest.remove(row.id)
        await first.tap()
        await expect(passage.locator(".note")).to_contain_text("此文档已不在这里")
        await expect(passage.locator("mark")).to_have_text(BUDGET)
        await screen.look("gone")


async def test_what_a_model_said_out_of_the_documents_has_its_numbers(
    serve: Serve, open_page: OpenPage
) -> None:
    said = f"{BUDGET} It is a nice town. {LAMP}"
    async with serve(classify_as("qa_analysis", Reply(text=said)), DOCUMENTS) as served:
        screen = await open_page(served.url, locale="zh-CN")
        await screen.ask(ASKED)
        await screen.ended()
        await expect(screen.prose.locator(".md-mark")).to_have_count(2)
        await screen.prose.locator(".md-mark").last.click()
        await expect(screen.page.get_by_role("dialog").locator("mark")).to_contain_text("lamp")
        await screen.keep("real")
