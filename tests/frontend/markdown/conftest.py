"""Fixtures: a Chromium, and a site that shows Markdown."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from setup_frontend import find_chromium

from .site import markdown_site


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The browser that is there."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def markdown_origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the site is."""
    with markdown_site(tmp_path_factory.mktemp("markdown")) as origin:
        yield origin
