"""No page quotes a line of `tailrace doctor` that it would not print."""

import re
from pathlib import Path

from tailrace.cli.command_doctor import lines_of

from .doctor import STATES, State
from .pages import blocks

DIFFERS = re.compile(r"https?://\S+|(?<=\s)/\S+|[\w.-]*\d[\w.:-]*|\w+(\.\w+)+")
"""Addresses, paths, numbers, and names with a dot: what differs from one machine to the next."""


def shape(line: str) -> str:
    return DIFFERS.sub("…", line).rstrip()


def quoted() -> list[str]:
    return [line for block in blocks("doctor") for line in block.text.splitlines()]


async def printed_in(state: State, home: Path) -> set[str]:
    home.parent.mkdir()
    return {shape(line) for finding in await state(home) for line in lines_of(finding)}


async def test_the_pages_quote_what_doctor_prints_and_leave_no_advice_out(tmp_path: Path) -> None:
    printed: set[str] = set()
    for state in STATES:
        printed |= await printed_in(state, tmp_path / state.__name__ / "home")
    on_page = {shape(line): line for line in quoted()}
    assert [line for form, line in on_page.items() if form not in printed] == []
    assert sorted(form for form in printed if "→" in form and form not in on_page) == []
