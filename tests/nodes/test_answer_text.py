"""An answer without its markers, and without what could reach out; code stays as it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.nodes.answer_text import AnswerText, Marker
from tailrace.nodes.edit_text import EditText
from tailrace.nodes.targets import Targets

ASKED = Targets("what does https://ok.example/a say, and www.ok.example?")


def shown(parts: list[str], passages: int = 3) -> tuple[str, list[tuple[int, ...]]]:
    text = AnswerText(ASKED, passages, marked=True)
    out = [each for part in parts for each in text.feed(part)] + [*text.end()]
    return (
        "".join(each for each in out if isinstance(each, str)),
        [each.numbers for each in out if isinstance(each, Marker)],
    )


@pytest.mark.parametrize(
    ("written", "text", "numbers"),
    [
        ("It is so [1].", "It is so.", [(1,)]),
        ("It is so.[1] And", "It is so. And", [(1,)]),
        ("It [1, 2] is", "It is", [(1, 2)]),
        ("It [1][2] is", "It is", [(1,), (2,)]),
        ("It [1-3] is", "It is", [(1, 2, 3)]),
        ("It [source 2] is", "It is", [(2,)]),
        ("It [Passage: 2] is", "It is", [(2,)]),
        ("It【1】is【2†source】.", "It is.", [(1,), (2,)]),
        ("It[^1].", "It.", [(1,)]),
        ("a list[0] of", "a list[0] of", []),
        ("a list[1] of", "a list of", [(1,)]),
        ("items[1]x and items[1](2)", "items[1]x and items 1", []),
        ("It [4] is", "It [4] is", []),
        ("`a [1]` b", "`a [1]` b", []),
        ("```\na [1]\n```\nb [1]", "```\na [1]\n```\nb", [(1,)]),
        ("[1](https://ok.example/a)", "[1](https://ok.example/a)", []),
        ("- [ ] a [date]", "- [ ] a [date]", []),
    ],
)
def test_markers_that_name_a_passage_are_taken_out(
    written: str, text: str, numbers: list[tuple[int, ...]]
) -> None:
    assert shown([written]) == (text, numbers)


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("![a cat](https://evil.example/?q=1) sits", "a cat sits"),
        ("see [here](https://evil.example 'x') now", "see here now"),
        ("see [here](javascript:alert(1)) now", "see here now"),
        ("see [here](//evil.example) now", "see here now"),
        ("see [here](<https://evil.example/a b>) now", "see here now"),
        ("[![a](https://evil.example/1)](https://evil.example/2)", "a"),
        ("![a][ref]\n\n[ref]: //evil.example", "a [ref]\n\n\\[ref]: //evil.example"),
        ("go to https://evil.example/x.", "go to `https://evil.example/x`."),
        ("go to HTTPS://evil.example, or www.evil.example", None),
        ("<https://evil.example/x> it is", "`https://evil.example/x` it is"),
        ("<img src='//evil.example'> b", " b"),
        ('<a href="//evil.example">b</a>', "b\\</a>"),
        ("<script>b</script>", "b"),
        ("a<b and List<String> <div>", "a\\<b and List\\<String> \\<div>"),
        ("1 < 2", "1 < 2"),
        ("`![a](https://evil.example)`", "`![a](https://evil.example)`"),
        ("```\n![a](//evil.example)\n```\n![b](//evil.example)", None),
        ("~~~\n![a](//evil.example)\n~~~\n", "~~~\n![a](//evil.example)\n~~~\n"),
        ("![b](https://ok.example/a) [c](www.ok.example)", None),
        ("<https://ok.example/a> https://ok.example/a!", None),
    ],
)
def test_what_reaches_out_is_reduced_to_its_text(written: str, text: str | None) -> None:
    expected = {
        "go to HTTPS://evil.example, or www.evil.example": (
            "go to `HTTPS://evil.example`, or `www.evil.example`"
        ),
        "```\n![a](//evil.example)\n```\n![b](//evil.example)": (
            "```\n![a](//evil.example)\n```\nb"
        ),
    }
    assert shown([written])[0] == (expected.get(written, written) if text is None else text)


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("a ` b ![c](//evil.example)\n` d", "a \\` b c\n\\` d"),
        ("| `a | ![b](//evil.example) ` |", "| \\`a | b \\` |"),
        ("> ```\n![b](//evil.example)\n> ```", "> \\`\\`\\`\nb\n> \\`\\`\\`"),
        (
            "1. a\n   ```\n   ![b](//evil.example)\n![c](//evil.example)",
            "1. a\n   ```\n   ![b](//evil.example)\n   ```\nc",
        ),
        ("<div>\n```\n\n![b](//evil.example)", "\\<div>\n```\n\n![b](//evil.example)"),
        ("```\na\n    ```\n![b](//evil.example)", "```\na\n    ```\n![b](//evil.example)"),
        ("ht[tps://evil.example](x)", "ht tps://evil.example"),
        ("ht<img src=x>tps://evil.example", "ht tps://evil.example"),
        ("ht\u200btps://evil.example", "`https://evil.example`"),
        ("!\u2060[a](//evil.example)", "a"),
        ("<iframe src='//evil.example', x>", "\\<iframe src='//evil.example', x>"),
        ("\\\\![a](//evil.example)", "\\\\ a"),
        ("\\`![a](//evil.example)`", "\\` a \\`"),
        ("| `a | b` |\n|---|---|\n", "| `a | b` |\n\\|---|---|\n"),
        ("a | b\n---|---\n`c | ![d](//evil.example)` |", None),
        ("- `a | b`\n- c", "- `a | b`\n- c"),
        ("```a | b\n|---|---|\n![c](//evil.example)\n```", None),
    ],
)
def test_what_markdown_could_read_in_two_ways_has_one_left(written: str, text: str | None) -> None:
    said = shown([written])[0]
    assert said == text or (text is None and "](" not in said and "![" not in said)


PARTS = """
a b1 [ ] [1] ( ) ! ![x] (//e) [x](https://e) https:// www. < > <img src=x> ` ``` ~~~ \\ - > | 【 】
【1】 : [r]: \u200b http s:// list[0] https://ok.example/a \u65e5
"""
pieces = st.lists(st.sampled_from([*PARTS.split(), " ", "   ", "\n", "\n\n", "\n   "]), max_size=25)


@given(pieces, st.lists(st.integers(1, 7), max_size=80))
def test_the_pieces_an_answer_comes_in_make_no_difference(
    written: list[str], lengths: list[int]
) -> None:
    whole, cut, at = "".join(["The words before it, ", *written]), list[str](), 0
    for length in lengths:
        cut.append(whole[at : at + length])
        at += length
    assert shown([*cut, whole[at:]]) == shown([whole])


@given(st.text(st.sampled_from("ab .,\n\u65e5!?()#*-_"), max_size=60))
def test_a_text_without_any_of_that_stays_as_it_is(written: str) -> None:
    assert shown([*written])[0] == written


def test_only_what_could_be_a_beginning_is_held_back() -> None:
    text = AnswerText(ASKED, 3, marked=True)
    assert [*text.feed("The ")] == ["The "]
    assert [*text.feed("budget")] == ["budget"]
    assert [*text.feed(" is 4,200")] == [" is 4,200"]
    assert [*text.feed(" [")] == []
    assert [*text.feed("1]")] == []
    assert [*text.feed(". ")] == [Marker((1,)), "."]
    assert [*text.end()] == [" "]


@pytest.mark.parametrize(
    ("edited", "kept"),
    [
        ("![a](https://ok.example/a) x[0](1) <b>", "![a](https://ok.example/a) x[0](1) <b>"),
        ("![a](https://evil.example/?q=1)", "![a](evil.example/?q=1)"),
        ("![a](//evil.example)", "![a](evil.example)"),
        ("<img src='//evil.example'>", "<img src='evil.example'>"),
        ("// a comment, a//b and http: //", "// a comment, a//b and http: //"),
    ],
)
@pytest.mark.parametrize("length", [1, 3, 100])
def test_an_edit_keeps_what_was_there_and_brings_nothing_remote(
    edited: str, kept: str, length: int
) -> None:
    text = EditText(ASKED)
    parts = [edited[at : at + length] for at in range(0, len(edited), length)]
    out = [each for part in parts for each in text.feed(part)] + [*text.end()]
    assert "".join(each for each in out if isinstance(each, str)) == kept
