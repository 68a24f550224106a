"""What a document says is data: it calls no tool, and brings nothing remote into an answer.

The scripted model obeys every document. What a browser would make of its answers is told by the
Markdown parser that the terminal uses, with raw HTML allowed, which is more than our pages do.
"""

import asyncio
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from tailrace.events.types import EventType
from tailrace.settings import Settings
from tailrace.state.state import Query
from tailrace.testing.judging import is_judging, judged_by, judgement
from tailrace.testing.model_script import Reply
from tailrace.testing.workbench import open_workbench

from .injections import EVIL, INJECTIONS

PLAN = "The budget of the lighthouse is 4,200 crowns."
QUESTION = Query(text="What is the budget of the lighthouse?")
STRONG = Settings(model_class="strong")
_MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table"])
_ADDRESS = re.compile(r"(?:(?:https?:)|['\"=(])//", re.IGNORECASE)
_BARE = re.compile(r"(?:https?://|www\.)\S", re.IGNORECASE)


def tokens(parts: Iterable[Token]) -> Iterable[Token]:
    for part in parts:
        yield part
        yield from tokens(part.children or [])


def remote(answer: str) -> list[str]:
    """Whatever in `answer` a browser could fetch, follow or run."""
    found: list[str] = []
    for token in tokens(_MARKDOWN.parse(answer)):
        if token.type in {"image", "link_open", "html_inline", "html_block"}:
            found.append(f"{token.type} {token.content or dict(token.attrs)}")
        elif token.type == "text" and _BARE.search(token.content):
            found.append(token.content)  # what many a page makes a link of
    return found


def in_pieces(text: str, length: int) -> Sequence[str]:
    return [text[at : at + length] for at in range(0, len(text), length)]


@pytest.mark.parametrize("name", INJECTIONS)
@pytest.mark.parametrize("length", [3, 1_000])
async def test_an_obeying_model_reaches_nothing(name: str, length: int, tmp_path: Path) -> None:
    document, answer = INJECTIONS[name]
    script = judged_by(judgement({"budget": [1]}), Reply(chunks=in_pieces(answer, length)))
    async with asyncio.timeout(20), open_workbench(tmp_path, script, settings=STRONG) as bench:
        await bench.add({"plan.md": f"{PLAN}\n\n{document}\n", "other.md": "password: kelp"})
        run = await bench.run(QUESTION)
        asked = [each.chat for each in bench.server.requests if is_judging(each.chat)]
    assert run.outcome == "answered"
    assert remote(run.fold.text) == []
    types = {event.type for event in run.events}
    assert not types & {EventType.TOOL_CALL, EventType.TOOL_RESULT}
    assert len(asked) == 1
    told = next(text for text in asked[0].contents if PLAN in text)
    fence = told[: told.index(" ")]
    assert set(fence) == {"~"}
    assert told.count(fence) == 2


@pytest.mark.parametrize("name", INJECTIONS)
async def test_passages_shown_as_they_are_reach_nothing_either(name: str, tmp_path: Path) -> None:
    document, answer = INJECTIONS[name]
    async with asyncio.timeout(20), open_workbench(tmp_path) as bench:
        await bench.add({f"![t](https:{EVIL}) plan.md": f"{PLAN}\n\n{document}\n\n{answer}\n"})
        run = await bench.run(QUESTION)
    assert run.outcome == "answered"
    assert remote(run.fold.text) == []
    assert PLAN in run.fold.text


@pytest.mark.parametrize("name", INJECTIONS)
async def test_an_edit_that_obeys_a_passage_reaches_nothing_new(name: str, tmp_path: Path) -> None:
    document, answer = INJECTIONS[name]
    script = judged_by(judgement({"a": [1]}), Reply(chunks=in_pieces(answer, 4)), "document_edit")
    async with asyncio.timeout(20), open_workbench(tmp_path, script) as bench:
        await bench.add({"plan.md": f"{PLAN}\n\n{document}\n"})
        run = await bench.run(Query(text="Edit it", selected_content="A line of my own."))
    assert run.outcome == "answered"
    assert [each for each in remote(run.fold.text) if _ADDRESS.search(each)] == []


async def test_a_link_of_the_persons_own_stays(tmp_path: Path) -> None:
    answer = "See [this](https://tide.example/now) and https://tide.example/now."
    script = judged_by(judgement({"a": [1]}), Reply(text=answer))
    async with asyncio.timeout(20), open_workbench(tmp_path, script) as bench:
        await bench.add({"plan.md": PLAN})
        run = await bench.run(
            Query(text="What says https://tide.example/now of the lighthouse's budget?")
        )
    assert run.fold.text == answer


def test_the_check_itself_sees_what_reaches_out() -> None:
    for _, answer in INJECTIONS.values():
        assert remote(answer) or answer.startswith("{") or "\u200b" in answer or "<" in answer
    assert remote("![a](//x)")
    assert remote("see https://x")
