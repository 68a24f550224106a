"""The page for when something is wrong quotes nothing that `tailrace doctor` would not print."""

import re
from pathlib import Path

from tailrace.cli.command_doctor import lines_of

from .doctor import STATES, State

PAGE = Path(__file__).parents[2] / "docs" / "troubleshooting.md"
BLOCK = re.compile(r"^```doctor\n(.*?)^```$", re.MULTILINE | re.DOTALL)
DIFFERS = re.compile(r"https?://\S+|(?<=\s)/\S+|[\w.-]*\d[\w.:-]*|\w+(\.\w+)+")
"""Addresses, paths, numbers, and names with a dot: what differs from one machine to the next."""


def shape(line: str) -> str:
    return DIFFERS.sub("…", line).rstrip()


def quoted() -> list[str]:
    blocks = BLOCK.findall(PAGE.read_text("utf-8"))
    return [line for block in blocks for line in block.splitlines()]


async def printed_in(state: State, home: Path) -> set[str]:
    home.parent.mkdir()
    return {shape(line) for finding in await state(home) for line in lines_of(finding)}


async def test_the_page_quotes_what_doctor_prints_and_leaves_no_advice_out(tmp_path: Path) -> None:
    printed: set[str] = set()
    for state in STATES:
        printed |= await printed_in(state, tmp_path / state.__name__ / "home")
    on_page = {shape(line): line for line in quoted()}
    assert [line for form, line in on_page.items() if form not in printed] == []
    assert sorted(form for form in printed if "→" in form and form not in on_page) == []
