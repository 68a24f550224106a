"""Documents on the screen: added, refused with the reason, found by name, asked about, removed."""

import re

from playwright.async_api import FilePayload, expect

from tailrace.testing.model_script import Reply, classify_as

from .screen import OpenPage, Serve
from .site import site

_DROP = """([name, text]) => {
  const data = new DataTransfer()
  data.items.add(new File([text], name))
  for (const kind of ['dragover', 'drop'])
    document.body.dispatchEvent(new DragEvent(kind, { bubbles: true, dataTransfer: data }))
}"""


async def test_documents_are_added_found_and_removed(serve: Serve, open_page: OpenPage) -> None:
    async with serve(Reply()) as served:
        screen = await open_page(served.url, "#/documents")
        page = screen.page
        rows = page.locator(".documents li")
        await expect(rows).to_have_count(2)
        async with page.expect_file_chooser() as chosen:
            await screen.button("Add documents").locator("visible=true").click()
        notes: list[FilePayload] = [
            {"name": "tide.md", "mimeType": "", "buffer": b"# The tide\n\nHigh at noon."},
            {"name": "engine.bin", "mimeType": "", "buffer": b"\0\1\2"},
            {"name": "torn.pdf", "mimeType": "", "buffer": b"%PDF-1.7\n1 0 obj <<"},
        ]
        await (await chosen.value).set_files(notes)
        await expect(rows).to_have_count(4 - 1)
        tray = page.get_by_role("list", name="Files on their way")
        await expect(tray.locator(".failed .name")).to_have_text(["engine.bin", "torn.pdf"])
        await expect(tray.get_by_role("alert").last).not_to_be_empty()
        await screen.look("documents")
        await tray.get_by_role("button", name="Dismiss engine.bin").click()
        await page.evaluate(_DROP, ["dropped.txt", "Dropped on the page."])
        await expect(rows).to_have_count(4)
        await page.get_by_role("searchbox").fill("TIDE")
        await expect(rows).to_have_count(1)
        await page.get_by_role("searchbox").fill("nowhere")
        await expect(page.get_by_text("No document has that in its name.")).to_be_visible()
        await page.get_by_role("searchbox").fill("dropped")
        await screen.button("Remove dropped.txt").click()
        await screen.look("remove")
        await screen.button("Remove").and_(page.locator("dialog button")).click()
        await expect(rows).to_have_count(0)
        await page.get_by_role("searchbox").fill("")
        await expect(rows).to_have_count(3)
        _, total = await served.agent.parts.documents.list_documents("", limit=1, offset=0)
        assert total == 3


async def test_a_question_can_be_about_one_document(serve: Serve, open_page: OpenPage) -> None:
    reply = Reply(text="It is baked for 50 minutes.")
    async with serve(classify_as("qa_analysis", reply)) as served:
        screen = await open_page(served.url, "#/documents")
        row = screen.page.locator(".documents li").filter(has_text="bread.txt")
        await row.get_by_role("button", name="Ask about this").click()
        await expect(screen.page.locator(".composer .scope")).to_contain_text("About bread.txt")
        await expect(screen.question).to_be_focused()
        await screen.ask("How long?")
        await screen.ended()
        await expect(screen.page.locator(".composer .scope")).to_be_hidden()
        source = screen.answer.get_by_role("button", name=re.compile("^Source 1 bread.txt"))
        await source.click()
        await expect(screen.page.get_by_role("dialog").locator("mark")).to_contain_text("Rye bread")


async def test_a_web_page_is_read_in_before_ones_eyes_and_found_again_after_a_reload(
    serve: Serve, open_page: OpenPage
) -> None:
    async with (
        site() as web,
        serve(
            Reply(),
            web_allow_private=True,
            web_ports=str(web.port),
            embeddings_url=web.url,
            embeddings_model="small",
        ) as served,
    ):
        screen = await open_page(served.url, "#/documents")
        page = screen.page
        address = page.get_by_role("textbox", name="Address of a web page to read in")
        await address.fill("not an address")
        await address.press("Enter")
        await expect(page.get_by_text("This is no address of a web page.")).to_be_visible()
        await address.fill(f"127.0.0.1:{web.port}/page")
        await expect(page.get_by_text("This is no address of a web page.")).to_be_hidden()
        await address.fill(f"http://127.0.0.1:{web.port}/page")
        await screen.button("Add page").click()
        card = page.locator(".ingestion")
        await expect(card.get_by_role("button", name="Stop")).to_be_visible()
        await screen.look("reading")
        await page.reload()
        await expect(card.get_by_role("button", name="Stop")).to_be_visible()
        web.let.set()
        await expect(card).to_contain_text("Done")
        await expect(page.locator(".documents li")).to_have_count(3)
        await expect(page.locator(".documents")).to_contain_text("The lock keeper")
        await card.get_by_role("button", name="Dismiss").click()
        await expect(card).to_have_count(0)
        await address.fill(f"http://127.0.0.1:{web.port}/nothing")
        await address.press("Enter")
        await expect(card.get_by_role("alert")).not_to_be_empty()
        await screen.look("not-read")
