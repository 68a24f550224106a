"""Hostile Markdown through a real run: nothing of it runs, and nothing is asked for."""

import json
import re
from pathlib import Path

import pytest
from playwright.async_api import expect

from tailrace.testing.model_script import Reply, classify_as

from .screen import OpenPage, Serve

CASES = json.loads(
    (Path(__file__).parents[2] / "contracts/markdown/hostile.json").read_text(encoding="utf-8")
)["cases"]
PARTS = 5
APART = 5
"""Cases that open something (a fence, a comment) swallow those after them: a few an answer."""

_INERT = """() => {
  const prose = [...document.querySelectorAll('.prose')]
  const all = prose.flatMap((each) => [...each.querySelectorAll('*')])
  return {
    dangerous: all.filter((each) => each.matches(
      'script, style, link, meta, base, iframe, object, embed, form, svg, math, img, audio, ' +
      'video, template, [style], [id], [name], [srcdoc], [src]')).map((each) => each.outerHTML),
    handlers: all.filter((each) => [...each.attributes].some(({ name }) => name.startsWith('on')))
      .map((each) => each.outerHTML),
    links: all.filter((each) => each.matches('a')).map((each) => each.protocol),
  }
}"""


def _whole(text: str) -> str:
    return text.encode(errors="replace").decode()


@pytest.mark.parametrize("first", range(PARTS))
async def test_no_hostile_text_runs_or_asks_for_anything(
    serve: Serve, open_page: OpenPage, first: int
) -> None:
    # half of a surrogate pair cannot leave a model's endpoint: it is no character
    texts = [_whole(case["markdown"]) for case in CASES[first::PARTS]]
    replies = [
        Reply(chunks=re.findall(r"(?s).{1,7}", "\n\n".join(texts[at : at + APART])))
        for at in range(0, len(texts), APART)
    ]
    async with serve(classify_as("simple_chat", replies)) as served:
        screen = await open_page(served.url)
        for number in range(len(replies)):
            await screen.ask(f"Case {number}")
            await expect(screen.page.locator(".turn")).to_have_count(number + 1)
            await screen.ended()
        inert = await screen.page.evaluate(_INERT)
        assert inert["dangerous"] == []
        assert inert["handlers"] == []
        assert set(inert["links"]) <= {"http:", "https:", "mailto:"}
        for link in await screen.page.locator(".prose a").all():
            assert await link.get_attribute("target") == "_blank"
            assert "noopener" in (await link.get_attribute("rel") or "")
        await screen.page.reload()
        await expect(screen.page.locator(".turn")).to_have_count(len(replies))
        assert await screen.page.evaluate(_INERT) == inert


async def test_hostile_names_and_passages_are_text(serve: Serve, open_page: OpenPage) -> None:
    harm = "<img src=x onerror=hit()><script>hit()</script>"
    documents = {f"{harm}.md": f"# {harm}\n\nThe budget of the harbour plan is {harm}.\n"}
    reply = Reply(text="See there.", reasoning=harm)
    async with serve(classify_as("qa_analysis", reply), documents=documents) as served:
        screen = await open_page(served.url)
        await screen.ask(f"What is the budget of the harbour plan? {harm}")
        await screen.ended()
        await screen.answer.locator(".source").first.click()
        await expect(screen.page.get_by_role("dialog").locator("mark")).to_contain_text(harm)
        await screen.page.keyboard.press("Escape")
        await screen.answer.get_by_text("Reasoning").click()
        await expect(screen.answer.locator(".reasoning p")).to_have_text(harm)
        await expect(screen.page.locator(".rail .row").first).to_contain_text("<img src=x")
        await screen.go("#/documents")
        await expect(screen.page.locator(".documents .name")).to_contain_text("<img src=x")
        assert await screen.page.locator("img").count() == 0
