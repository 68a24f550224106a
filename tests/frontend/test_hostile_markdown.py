"""Hostile Markdown in a real browser: it is shown, and does nothing."""

import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from setup_frontend import FRONTEND, environment, find_chromium

HERE: Final = Path(__file__).resolve().parent
CORPUS: Final = HERE.parent.parent / "contracts" / "markdown" / "hostile.json"
POLICY: Final = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'"
)
SHELL: Final = b"<!doctype html><meta charset=utf-8><script src=/detectors.js></script><body>"

POLICIES: Final = {
    "/strict": f"{POLICY}; require-trusted-types-for 'script'; trusted-types 'none'",
    "/policy": POLICY,
    "/open": None,
}
"""Three pages with the same detectors."""


class Site(ThreadingHTTPServer):
    """The pages, on a port of its own; `origin` is where."""

    def __init__(self, script: bytes) -> None:
        self.script = script
        super().__init__(("127.0.0.1", 0), Answer)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Site)
        script = self.server.script
        files = {
            "/detectors.js": ("text/javascript", (HERE / "detectors.js").read_bytes),
            "/markdown.js": ("text/javascript", lambda: script),
            "/hostile.json": ("application/json", CORPUS.read_bytes),
            **dict.fromkeys(POLICIES, ("text/html", lambda: SHELL)),
        }
        kind, read = files.get(self.path, ("text/plain", lambda: b""))
        body = read()
        self.send_response(200 if self.path in files else 404)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        policy = POLICIES.get(self.path)
        if policy is not None:
            self.send_header("Content-Security-Policy", policy)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:  # pyright: ignore[reportIncompatibleMethodOverride] - its `format` shadows a builtin
        """Nobody reads it."""


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    made = tmp_path_factory.mktemp("bundle") / "markdown.js"
    entry = FRONTEND / "packages" / "core" / "src" / "markdown" / "index.ts"
    subprocess.run(
        [
            str(FRONTEND / "node_modules" / ".bin" / "esbuild"),
            str(entry),
            "--bundle",
            "--format=esm",
            "--log-level=warning",
            f"--outfile={made}",
        ],
        check=True,
        env=environment(),
        timeout=60,
    )
    with Site(made.read_bytes()) as site:
        thread = threading.Thread(target=partial(site.serve_forever, poll_interval=0.05))
        thread.start()
        yield site.origin
        site.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=find_chromium(), args=["--no-sandbox"]
        )
        yield chromium
        chromium.close()


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
def visit(browser: Browser, origin: str, request: pytest.FixtureRequest) -> Iterator[Visit]:
    visit = Visit(browser, origin, request.param)
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
