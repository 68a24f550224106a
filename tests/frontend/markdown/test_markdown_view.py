"""Markdown in a real browser while it streams: what a reader has selected or focused stays."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from setup_frontend import FRONTEND

CODE = "before\n\n```python\nprint('one')\nprint('two')\n```\n\nafter"


@pytest.fixture
def page(chromium: Browser, markdown_origin: str) -> Iterator[Page]:
    """A page with one view, `view`, under a strict policy."""
    context = chromium.new_context()
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=markdown_origin)
    page = context.new_page()
    page.goto(f"{markdown_origin}/strict")
    page.evaluate(
        """async () => {
          const { MarkdownView } = await import('/markdown.js')
          globalThis.root = document.body.appendChild(document.createElement('main'))
          globalThis.view = new MarkdownView(root)
        }"""
    )
    yield page
    context.close()


def test_a_selection_in_what_is_being_written_stays(page: Page) -> None:
    selected = page.evaluate(
        """() => {
          const text = 'Some words, **bold ones** too.\\n\\n- one item\\n- another, which goes on'
          view.update(text)
          getSelection().selectAllChildren(root.querySelector('strong'))
          getSelection().extend(root.querySelector('li').firstChild, 3)
          const before = getSelection().toString()
          view.update(text + ' and on')
          view.update(text + ' and on\\n- and another\\n- and `code')
          view.update(text + ' and on\\n- and another\\n- and `code`\\n\\nThe end.')
          view.finish()
          return [before, getSelection().toString()]
        }"""
    )
    assert selected[0].startswith("bold ones")
    assert selected[0] == selected[1]


def test_a_selection_in_a_paragraph_that_grows_stays(page: Page) -> None:
    selected = page.evaluate(
        """() => {
          view.update('one two three [li')
          const [text] = root.querySelector('p').childNodes
          getSelection().setBaseAndExtent(text, 4, text, 7)
          view.update('one two three [link](mailto:a@x.example)')
          view.update('one two three [link](mailto:a@x.example) **four**\\nfive')
          view.finish()
          return [getSelection().toString(), root.textContent]
        }"""
    )
    assert selected == ["two", "one two three link four\nfive"]


def test_the_focus_in_code_that_grows_stays(page: Page) -> None:
    page.evaluate("view.update('```js\\nlet a')")
    page.locator("pre").focus()
    page.evaluate("view.update('```js\\nlet a = 1\\nlet b = 2\\n```\\n\\nDone.'); view.finish()")
    expect(page.locator("pre")).to_be_focused()


def test_code_is_copied_by_keyboard_and_that_is_said(page: Page) -> None:
    page.evaluate("text => { view.update(text); view.finish() }", CODE)
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Copy code")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == "print('one')\nprint('two')"
    page.keyboard.press("Tab")
    expect(page.locator("pre")).to_be_focused()


def test_code_is_copied_where_the_browser_gives_no_clipboard(page: Page) -> None:
    page.evaluate("text => { view.update(text); view.finish() }", CODE)
    page.evaluate(
        """() => {
          globalThis.clipboard = navigator.clipboard
          Object.defineProperty(navigator, 'clipboard', { value: undefined })
        }"""
    )
    page.get_by_role("button", name="Copy code").click()
    expect(page.get_by_role("status")).to_have_text("Copied")
    assert page.evaluate("clipboard.readText()") == "print('one')\nprint('two')"
    assert page.evaluate("getSelection().toString()") == ""


def test_code_that_cannot_be_copied_is_left_selected(page: Page) -> None:
    page.evaluate("text => { view.update(text); view.finish() }", CODE)
    page.evaluate(
        """() => {
          Object.defineProperty(navigator, 'clipboard', { value: undefined })
          document.execCommand = () => false
        }"""
    )
    page.get_by_role("button", name="Copy code").click()
    page.wait_for_function("getSelection().toString() === \"print('one')\\nprint('two')\"")
    expect(page.get_by_role("status")).to_have_text("")


def test_ten_thousand_levels_of_quotation_are_laid_out(page: Page) -> None:
    text = ">" * 10_000 + " " + "*" * 25_000 + "end" + "*" * 25_000 + "\n\n" + "[" * 20_000
    page.evaluate("text => { view.update(text); view.finish() }", text)
    assert page.evaluate("root.offsetHeight") > 0
    assert page.evaluate("root.textContent.includes('end')")


EVERYTHING = """# Title

Text with **bold**, `code`, [a link](https://x.example), <me@x.example> and ![a picture](https://x.example/a.png).

- [ ] a task
- [x] another, with [a link](https://x.example)

1. one

   > quoted

| a | b |
|---|--:|
| 1 | 2 |

```python
print("hello")
```

    indented

---
"""


def test_nothing_stands_in_the_way_of_a_screen_reader(page: Page) -> None:
    page.evaluate("text => { view.update(text); view.finish() }", EVERYTHING)
    axe = FRONTEND / "node_modules" / "axe-core" / "axe.min.js"
    page.evaluate(axe.read_text("utf-8"))
    found = page.evaluate("axe.run(root, { rules: { 'heading-order': { enabled: false } } })")
    assert [violation["id"] for violation in found["violations"]] == []
    assert len(found["passes"]) > 10
