"""Hostile Markdown in a real browser: it is shown, and does nothing."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page


class Visit:
    """One page, and every request that it tried to make elsewhere."""

    def __init__(self, browser: Browser, origin: str, path: str) -> None:
        self.elsewhere: list[str] = []
        self.origin = origin
        self.url = origin + path
        self.page: Page = browser.new_page()
        self.page.on("request", lambda request: self._note(request.url))
        self.page.route("https://evil.example/**", lambda route: route.abort())
        self.page.goto(self.url)

    def _note(self, url: str) -> None:
        known = ("strict", "policy", "open", "detectors.js", "markdown.js", "hostile.json")
        if url not in {f"{self.origin}/{name}" for name in known}:
            self.elsewhere.append(url)


@pytest.fixture
def visit(
    chromium: Browser, markdown_origin: str, request: pytest.FixtureRequest
) -> Iterator[Visit]:
    visit = Visit(chromium, markdown_origin, request.param)
    yield visit
    visit.page.close()


@pytest.mark.parametrize("visit", ["/strict", "/open"], indirect=True)
def test_hostile_markdown_is_shown_and_does_nothing(visit: Visit) -> None:
    page = visit.page
    assert page.evaluate("streamCorpus(3)") == []
    assert page.evaluate("[hits, refused]") == [0, []]
    assert visit.elsewhere == []
    assert (page.url, len(page.frames), len(page.context.pages)) == (visit.url, 1, 1)


@pytest.mark.parametrize("visit", ["/open"], indirect=True)
def test_the_detectors_see_what_runs_what_is_fetched_and_what_stands_there(visit: Visit) -> None:
    wrong = visit.page.evaluate("injectCorpus()")
    visit.page.wait_for_function("hits > 10")
    assert len(wrong) > 100
    assert [url for url in visit.elsewhere if url.startswith("https://evil.example/")]


@pytest.mark.parametrize("visit", ["/policy"], indirect=True)
def test_the_detectors_see_what_the_policy_refuses(visit: Visit) -> None:
    visit.page.evaluate("injectCorpus()")
    visit.page.wait_for_function("new Set(refused).size > 3")
    assert {"img-src", "script-src-attr", "frame-src"} <= set(visit.page.evaluate("refused"))
    assert visit.page.evaluate("hits") == 0


@pytest.mark.parametrize("visit", ["/strict"], indirect=True)
def test_the_detectors_see_markup_made_from_text(visit: Visit) -> None:
    wrong = visit.page.evaluate("injectCorpus()")
    visit.page.wait_for_function("refused.includes('require-trusted-types-for')")
    assert len([what for what in wrong if what.endswith(": refused")]) > 100
