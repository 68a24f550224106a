"""Where a growing Markdown text is cut."""

from hypothesis import given
from hypothesis import strategies as st

from tailrace.cli.blocks import MarkdownBlocks

TEXT = """First paragraph,
of two lines.

- an item

- another

```python
x = 1

y = 2
```

Last
"""


def blocks_of(pieces: list[str]) -> list[str]:
    blocks = MarkdownBlocks()
    done = [block for piece in pieces for block in blocks.feed(piece)]
    return [*done, blocks.tail]


def test_a_cut_stands_between_blocks_and_never_inside_a_list_or_code() -> None:
    assert blocks_of([TEXT]) == [
        "First paragraph,\nof two lines.\n\n",
        "- an item\n\n- another\n\n",
        "```python\nx = 1\n\ny = 2\n```\n\n",
        "Last\n",
    ]


@given(st.lists(st.text(alphabet="ab \n-`1.", max_size=12), max_size=20))
def test_the_blocks_are_the_text_however_it_arrives(pieces: list[str]) -> None:
    text = "".join(pieces)
    assert "".join(blocks_of(pieces)) == text
    assert blocks_of(pieces) == blocks_of(list(text))
