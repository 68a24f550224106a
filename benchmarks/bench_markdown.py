"""What an answer costs a browser while it streams: our incremental Markdown against a whole render.

A document of 20,000 characters arrives in a headless Chromium four characters at a time, each
update a task of its own, with a frame drawn whenever the browser wants one. Figures are the main
thread's busy time (`TaskDuration` of the DevTools protocol: script, layout and painting alike), so
they need no window; read them as a ratio, for the two take turns on the same machine.

    whole        markdown-it renders the whole text at every update, into `innerHTML`
    incremental  `MarkdownView` of packages/core

Run: make bench, or python benchmarks/bench_markdown.py [--quick]
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

from playwright.sync_api import CDPSession, Page, sync_playwright

from measuring import Bench

CORE = Path(__file__).resolve().parent.parent / "frontend" / "packages" / "core"
ESBUILD = CORE.parent.parent / "node_modules" / ".bin" / "esbuild"
STEP = 4
_CHARACTERS = 20_000

ENTRY = """
import MarkdownIt from 'markdown-it'
import { MarkdownView } from './src/markdown/index.ts'

const kinds = {
  whole(root) {
    const parser = new MarkdownIt({ linkify: true })
    return { update: (text) => { root.innerHTML = parser.render(text) }, finish() {} }
  },
  incremental: (root) => new MarkdownView(root),
}

/** Resolves with the slowest update in ms; every update is a task of its own. */
globalThis.stream = (kind, text, step) =>
  new Promise((resolve) => {
    const view = kinds[kind](document.querySelector('main'))
    const { port1, port2 } = new MessageChannel()
    let end = 0
    let slowest = 0
    port1.onmessage = () => {
      const start = performance.now()
      end += step
      view.update(text.slice(0, end))
      if (end >= text.length) view.finish()
      slowest = Math.max(slowest, performance.now() - start)
      if (end >= text.length) resolve(slowest)
      else port2.postMessage(null)
    }
    port2.postMessage(null)
  })
"""


def main() -> None:
    """Let both take turns and print what each cost."""
    bench = Bench("markdown", __doc__, rounds=1)
    text = document(_CHARACTERS // 10 if bench.options.quick else _CHARACTERS)
    script = bundle()
    updates = len(text) / STEP
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        for _ in range(bench.options.rounds):
            busy_s: dict[str, float] = {}
            for kind in ("whole", "incremental"):
                page = browser.new_page()
                busy_s[kind], slowest_ms = measure(page, script, kind, text)
                page.close()
                bench.add(f"{kind}: an update, mean", "ms", busy_s[kind] / updates * 1e3)
                bench.add(f"{kind}: an update, slowest", "ms", slowest_ms)
            ratio = busy_s["whole"] / busy_s["incremental"]
            bench.add("the whole rendered again, against ours", "x", ratio)
        browser.close()
    bench.finish()


def measure(page: Page, script: str, kind: str, text: str) -> tuple[float, float]:
    """Main thread's busy seconds for the whole stream, and its slowest update in ms."""
    page.set_content("<!doctype html><main></main>")
    page.add_script_tag(content=script)
    page.evaluate("([kind, text, step]) => stream(kind, text, step)", [kind, text[:400], STEP])
    devtools = page.context.new_cdp_session(page)
    _ask(devtools, "Performance.enable")
    before = task_seconds(devtools)
    slowest = page.evaluate("([kind, text, step]) => stream(kind, text, step)", [kind, text, STEP])
    return task_seconds(devtools) - before, float(slowest)


def task_seconds(devtools: CDPSession) -> float:
    """How long the main thread has been busy since the page began."""
    metrics = _ask(devtools, "Performance.getMetrics")["metrics"]
    return next(float(m["value"]) for m in metrics if m["name"] == "TaskDuration")


def _ask(devtools: CDPSession, command: str) -> dict[str, Any]:
    # Playwright leaves the type of answers open
    return devtools.send(command)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


def bundle() -> str:
    """The script of both, for the page."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [str(ESBUILD), "--bundle", "--format=iife", "--log-level=warning"],
        input=ENTRY,
        cwd=CORE,
        env={**os.environ, "PATH": path},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout


def chromium() -> str:
    """Where the browser is: `CHROMIUM`, or the one on the path."""
    found = os.environ.get("CHROMIUM") or shutil.which("chromium")
    assert found is not None, "no Chromium: set CHROMIUM to one"
    return found


def document(characters: int) -> str:
    """An answer as models write them: headings, lists, tables, code, Chinese, links."""
    sections = _sections()
    text = ""
    while len(text) < characters:
        text += next(sections)
    return text[:characters]


def _sections() -> Iterator[str]:
    for number in count(1):
        rows = "".join(
            f"| part {row} | **{row * number}** ms | `value_{row}` |"
            f" [source {row}](https://x.example/{row}) |\n"
            for row in range(8)
        )
        steps = "".join(
            f"- Step {step} of *{number}*: look at `file_{step}.py`\n"
            f"  - then at what it **imports**, and why\n"
            f"  - and at https://docs.example/{number}/{step} once more\n"
            for step in range(5)
        )
        code = "".join(
            f"def part_{line}(value: int) -> int:\n    return value * {line}\n\n"
            for line in range(6)
        )
        yield (
            f"## {number}. What happened in part {number}\n\n"
            "The run began **as expected**, and went on for a while with `stream=True`; what came "
            f"then is told in [the report](https://x.example/{number}) and, more briefly, below. "
            "Nothing was lost, though one line was cut *twice* and had to be joined again.\n\n"
            f"{steps}\n| part | time | value | where |\n|---|--:|---|---|\n{rows}\n"
            f"```python\n{code}```\n\n"
            f"> 第{number}节：这里说明了为什么结果是**正确的**，以及下一步该做什么。\n\n"  # noqa: RUF001
            "1. First, keep what is there.\n2. Then add what is missing.\n"
            "3. At last, look again.\n\n"
        )


if __name__ == "__main__":
    main()
