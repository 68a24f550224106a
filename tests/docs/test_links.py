"""Whoever follows a link arrives."""

from pathlib import Path

import pytest

from .pages import PAGES, ROOT, anchors, links, name_of

INDEX = ROOT / "docs" / "README.md"


def dead(page: Path, target: str) -> bool:
    path, _, anchor = target.partition("#")
    destination = (page.parent / path).resolve() if path else page
    if not destination.exists():
        return True
    return bool(anchor) and anchor not in anchors(destination)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_within_the_tree_leads_somewhere(page: Path) -> None:
    assert [target for target in links(page) if dead(page, target)] == []


def test_every_page_can_be_reached_from_the_index() -> None:
    seen: set[Path] = set()
    waiting = [INDEX]
    while waiting:
        page = waiting.pop()
        seen.add(page)
        for target in links(page):
            found = (page.parent / target.partition("#")[0]).resolve()
            reached = sorted(found.glob("*.md")) if found.is_dir() else [found]
            waiting += [each for each in reached if each in PAGES and each not in seen]
    assert [name_of(page) for page in PAGES if page not in seen] == []
