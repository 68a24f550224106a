"""The core that the page is shipped with passes what Python and TypeScript pass, in the browser."""

import json
from pathlib import Path

from tailrace.testing.model_script import Reply, classify_as

from .screen import OpenPage, Serve

CONTRACTS = Path(__file__).parents[2] / "contracts"
VECTORS = json.loads((CONTRACTS / "sse" / "decode.json").read_text(encoding="utf-8"))["vectors"]
FOLDS = json.loads((CONTRACTS / "golden" / "folds.json").read_text(encoding="utf-8"))

_READ = """async (inputs) => {
  const { SseDecoder } = await import('./static/core.js')
  return inputs.map((input) => {
    const decoder = new SseDecoder()
    const bytes = Uint8Array.from(input, (character) => character.charCodeAt(0))
    const events = Array.from(bytes, (byte) => decoder.feed(Uint8Array.of(byte))).flat()
    const { lastEventId, retryMs, comments } = decoder
    return { events, last_event_id: lastEventId, retry_ms: retryMs, comments }
  })
}"""
_FOLD = """async (tapes) => {
  const core = await import('./static/core.js')
  return Object.fromEntries(Object.entries(tapes).map(([name, tape]) => {
    const frames = new core.SseDecoder().feed(new TextEncoder().encode(tape))
    const events = frames.flatMap((frame) => core.decodeEvent(frame.data) ?? [])
    const run = events.reduce(core.reduceRun, core.initialRun())
    return [name, {
      text: run.text,
      reasoning: run.reasoning,
      content_sha256: run.contentSha256,
      last_seq: run.cursor.seq,
      sources: run.sources.map((source) => source.id),
    }]
  }))
}"""


def tape_of(name: str) -> str:
    """The recorded run, as the native dialect puts it on the wire."""
    file = name.replace(",", "").replace(" ", "-") + ".sse"
    return (CONTRACTS / "golden" / "native" / file).read_text(encoding="utf-8")


async def test_the_pages_core_reads_every_vector_and_folds_every_recorded_run(
    serve: Serve, open_page: OpenPage
) -> None:
    async with serve(classify_as("simple_chat", Reply("Good."))) as served:
        page = (await open_page(served.url)).page
        read = await page.evaluate(_READ, [vector["input"] for vector in VECTORS])
        folded = await page.evaluate(_FOLD, {name: tape_of(name) for name in FOLDS})
    wanted = [
        {name: vector[name] for name in ("events", "last_event_id", "retry_ms", "comments")}
        for vector in VECTORS
    ]
    assert read == wanted
    assert folded == {
        name: {
            "text": fold["text"],
            "reasoning": fold["reasoning"],
            "content_sha256": fold["content_sha256"],
            "last_seq": fold["last_seq"],
            "sources": [source["id"] for source in fold["sources"]],
        }
        for name, fold in FOLDS.items()
    }
