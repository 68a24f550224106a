"""Chunks are exact slices that hold all that can be seen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.context.chunk import MAX_CHARS, split
from tailrace.context.headings import Heading, markdown_headings
from tailrace.stores.documents import NewChunk

PIECES = st.sampled_from(
    [
        "word ",
        "\n",
        "\n\n",
        "\n# Head\n",
        "A sentence. ",
        "x" * 700,
        "火车七点出发。",
        "🐈",
        "\t",
        " ",
    ]
)


def check(text: str, chunks: list[NewChunk]) -> None:
    end = 0
    for chunk in chunks:
        assert text[chunk.char_start : chunk.char_end] == chunk.text
        assert chunk.text == chunk.text.strip()
        assert 0 < len(chunk.text) <= MAX_CHARS
        assert not text[end : chunk.char_start].strip()
        end = chunk.char_end
    assert not text[end:].strip()


@given(st.lists(PIECES, max_size=60).map("".join) | st.text(max_size=400))
def test_chunks_are_slices_and_leave_nothing_out(text: str) -> None:
    check(text, split(text, markdown_headings(text)))


@given(st.text(min_size=1, max_size=4_000), st.sets(st.integers(0, 4_000)))
def test_headings_anywhere_take_nothing_away(text: str, starts: set[int]) -> None:
    headings = [Heading(start, 1 + start % 4, "h") for start in sorted(starts) if start < len(text)]
    check(text, split(text, headings))


def test_a_chunk_knows_the_headings_it_stands_under() -> None:
    body = "word " * 100
    text = f"# Boiler\n\n## Faults\n\n{body}\n### E04\n\n{body}\n## Service\n\n{body}"
    assert [chunk.heading for chunk in split(text, markdown_headings(text))] == [
        "Boiler",
        "Boiler > Faults > E04",
        "Boiler > Service",
    ]


def test_paragraphs_are_kept_whole_where_they_fit() -> None:
    paragraph = ("Nine words make a sentence that is not long. " * 9).strip()
    text = "\n\n".join([paragraph] * 6)
    assert [chunk.text for chunk in split(text, [])] == [f"{paragraph}\n\n{paragraph}"] * 3


@pytest.mark.parametrize("unit", ["x", "ab ", "\n", "x\n", "# h\n", "🐈", "。"])
def test_an_endless_text_is_cut_all_the_same(unit: str) -> None:
    text = unit * (1_000_000 // len(unit))
    chunks = split(text, markdown_headings(text))
    check(text, chunks)
    assert len(chunks) < 3_000
