"""A site on loopback that shows Markdown: pages under different policies, and the built script."""

import subprocess
import threading
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

from setup_frontend import FRONTEND, environment

HERE: Final = Path(__file__).resolve().parent
CORPUS: Final = HERE.parent.parent.parent / "contracts" / "markdown" / "hostile.json"
ENTRY: Final = FRONTEND / "packages" / "core" / "src" / "markdown" / "index.ts"
POLICY: Final = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'"
)
POLICIES: Final = {
    "/strict": f"{POLICY}; require-trusted-types-for 'script'; trusted-types 'none'",
    "/policy": POLICY,
    "/open": None,
}
"""Pages with the same detectors."""
SHELL: Final = b"<!doctype html><meta charset=utf-8><script src=/detectors.js></script><body>"


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


@contextmanager
def markdown_site(folder: Path) -> Generator[str]:
    """Build `@tailrace/core/markdown` into `folder` and serve it; where."""
    made = folder / "markdown.js"
    subprocess.run(
        [
            str(FRONTEND / "node_modules" / ".bin" / "esbuild"),
            str(ENTRY),
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
