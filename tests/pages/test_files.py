"""The page's own files: words in both languages, no way to read text as HTML, no long file."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

STATIC = Path(__file__).parents[2] / "src/tailrace/server/static"
SCRIPTS = [STATIC / "agent_chat.js", *sorted((STATIC / "plain").glob("*.js"))]
STYLES = [STATIC / "agent_chat.css", *sorted((STATIC / "plain").glob("*.css"))]
MAX_LINES = 400


def entries(language: str) -> dict[str, set[str]]:
    """Each key of a table with the names in its braces."""
    text = (STATIC / f"plain/words_{language}.js").read_text(encoding="utf-8")
    table = text[text.index("({" if language == "en" else "= {") :]
    found = re.findall(r"^  '?([\w.]+)'?:((?:.|\n(?!  '?[\w.]+'?:))*)", table, re.MULTILINE)
    return {key: set(re.findall(r"\{(\w+)\}", entry)) for key, entry in found}


def used() -> Iterator[str]:
    """Every key that a script asks for by name."""
    for path in SCRIPTS:
        text = path.read_text(encoding="utf-8")
        yield from re.findall(r"\bsay\(\s*'([\w.]+)'", text)


def test_both_languages_have_the_same_words_with_the_same_slots() -> None:
    english, chinese = entries("en"), entries("zh")
    assert len(english) > 150
    assert english == chinese


def test_every_word_that_is_asked_for_is_there() -> None:
    assert set(used()) - set(entries("en")) == set()


def test_every_word_that_is_there_is_asked_for() -> None:
    text = "\n".join(
        path.read_text(encoding="utf-8") for path in SCRIPTS if "words_" not in path.name
    )
    stems = re.findall(r"`([\w.]+[._])\$\{", text)
    for key in entries("en"):
        named = f"'{key}'" in text or f'"{key}"' in text
        assert named or any(key.startswith(stem) for stem in stems), key


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_no_script_reads_text_as_html_or_speaks_to_another_host(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    ways = (
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment"
    )
    assert re.findall(rf"{ways}|\beval\(|new Function|setHTML|srcdoc", text) == []
    assert [url for url in re.findall(r"https?://[^\s'\"`]+", text) if "w3.org" not in url] == []
    assert "console." not in text


def test_the_page_has_no_style_or_script_of_its_own_and_only_relative_addresses() -> None:
    html = (STATIC / "agent_chat.html").read_text(encoding="utf-8")
    assert re.findall(r"<style|\sstyle=|\son\w+=|<script(?![^>]+src=)", html) == []
    addresses = re.findall(r'(?:href|src)="([^"#]+)"', html)
    assert [each for each in addresses if not (STATIC.parent / each).is_file()] == []


@pytest.mark.parametrize("path", [*SCRIPTS, *STYLES], ids=lambda path: path.name)
def test_no_file_is_long(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_LINES
