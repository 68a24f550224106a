"""Documents sent from a browser: how much has left is told, refusals and aborts are failures."""

import asyncio
from typing import Any, Final

from playwright.async_api import async_playwright

from setup_frontend import find_chromium
from tailrace.testing.model_script import Reply

from .conftest import Lines, Serve

NOBODY_ASKS: Final[Lines] = {"": ("simple_chat", [Reply()])}
_UPLOADS: Final = """async () => {
  const { TailraceClient } = await import('/static/core.js')
  const client = new TailraceClient()
  const text = new TextEncoder().encode('The mill stands by the river.\\n'.repeat(20000))
  const seen = []
  const onProgress = (sent, total) => seen.push([sent, total])
  const added = await client.uploadDocument('mill.md', text, onProgress)
  const code = (call) => call.then(() => 'none', ({ error }) => error.code)
  const refused = await code(client.uploadDocument('a.bin', new Uint8Array(9), () => {}))
  const aborting = new AbortController()
  const aborted = code(client.uploadDocument('b.md', text, () => {}, aborting.signal))
  aborting.abort()
  const late = await code(client.uploadDocument('c.md', text, () => {}, aborting.signal))
  const { total } = await client.listDocuments()
  return { size: text.length, added, seen, refused, aborted: await aborted, late, total }
}"""


async def test_an_upload_tells_how_much_has_left_and_fails_as_other_calls_do(serve: Serve) -> None:
    async with asyncio.timeout(50), serve(NOBODY_ASKS) as server, async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=find_chromium(), args=["--no-sandbox"]
        )
        page = await browser.new_page()
        await page.goto(f"{server.url}/healthz")
        done: dict[str, Any] = await page.evaluate(_UPLOADS)
        await browser.close()
    assert done["added"]["source"] == "mill.md"
    assert done["added"]["size_bytes"] == done["size"]
    assert done["seen"][-1] == [done["size"], done["size"]]
    assert done["refused"] == "invalid_request"
    assert (done["aborted"], done["late"]) == ("aborted", "aborted")
    assert done["total"] == 2 + 1
