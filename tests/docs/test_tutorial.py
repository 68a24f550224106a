"""What the tutorial tells people to look for is on the page, in these words."""

import re

from .pages import ROOT

TUTORIAL = ROOT / "docs" / "tutorial" / "own-documents.md"
WORDS = ROOT / "src" / "tailrace" / "server" / "static" / "plain" / "words_en.js"
BOLD = re.compile(r"\*\*([^*]+)\*\*")


def test_every_word_in_bold_is_one_of_the_page() -> None:
    on_page = WORDS.read_text("utf-8")
    named = [word for word in BOLD.findall(TUTORIAL.read_text("utf-8")) if word != "Next:"]
    assert [word for word in named if f"'{word}" not in on_page] == []
