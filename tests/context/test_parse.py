"""What is read of a file: its kind, title, text and headings; and why others are not read."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tailrace.context.headings import Heading
from tailrace.context.kinds import DocumentKind
from tailrace.context.parse import Parsed, Unread, parse

NAMES = ("a.txt", "a.md", "a.rst", "a.html", "a.py", "README", "a.csv")


def read(name: str, data: bytes | str) -> Parsed:
    parsed = parse(name, data.encode() if isinstance(data, str) else data)
    assert isinstance(parsed, Parsed), parsed
    return parsed


def test_markdown_headings_stand_outside_of_code() -> None:
    text = (
        "# Top #\n\n```\n# no heading\n```\n\nUnder\n=====\n\n## Deep\n\n- item\n---\n####### no\n"
    )
    parsed = read("notes.md", text)
    assert parsed == Parsed(
        DocumentKind.MARKDOWN,
        "Top",
        text,
        [
            Heading(0, 1, "Top"),
            Heading(text.index("Under"), 1, "Under"),
            Heading(text.index("## Deep"), 2, "Deep"),
        ],
    )


def test_front_matter_gives_the_title_and_no_heading_of_its_own() -> None:
    text = '---\ntitle: "A trip"\ndate: 2026\n---\ntext\n'
    assert read("a.md", text).title == "A trip"
    assert read("a.md", text).headings == [Heading(4, 1, "A trip")]


def test_restructuredtext_levels_are_in_the_order_of_their_styles() -> None:
    text = "====\nDoc\n====\n\nPart\n----\ntext\n\nSub\n~~~\n\nNext\n----\n"
    assert [(h.level, h.title) for h in read("a.rst", text).headings] == [
        (1, "Doc"),
        (2, "Part"),
        (3, "Sub"),
        (2, "Next"),
    ]


def test_html_is_what_a_reader_sees() -> None:
    page = (
        "<html><head><title> My\n page </title><style>p{}</style></head><body><h1>Top <b>one</b>"
        "</h1><p>Hello <i>you</i>, and<br>more.</p><script>bad()</script><p hidden>no</p>"
        "<ul><li>a<li>b &amp; c</ul><table><tr><td>1<td>2</table><pre> x\n   y</pre>"
        "<h2>Second</h2>end</body></html>"
    )
    parsed = read("page.html", page)
    assert parsed.title == "My page"
    assert parsed.text == (
        "Top one\n\nHello you, and\nmore.\n\na\nb & c\n\n1 | 2\n\n x\n   y\n\nSecond\n\nend"
    )
    assert parsed.headings == [
        Heading(0, 1, "Top one"),
        Heading(parsed.text.index("Second"), 2, "Second"),
    ]


def test_html_nested_without_end_is_refused_at_once() -> None:
    assert parse("a.html", b"<div>" * 300_000) == Unread(
        "its elements are nested too deep", failed=True
    )


def test_code_is_headed_by_its_definitions_and_named_by_its_file() -> None:
    text = "class Pump:\n    async def start(self): ...\n\nexport function stop() {}\n"
    parsed = read("src/pump.py", text)
    assert parsed.title == "pump.py"
    assert [(h.level, h.title) for h in parsed.headings] == [
        (1, "class Pump"),
        (2, "def start"),
        (1, "function stop"),
    ]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("Grüße ☂".encode(), "Grüße ☂"),
        ("Grüße ☂".encode("utf-8-sig"), "Grüße ☂"),
        ("Grüße ☂".encode("utf-16"), "Grüße ☂"),
        ("Grüße".encode("latin-1"), "Grüße"),
        (b"one\r\ntwo\rthree\n", "one\ntwo\nthree\n"),
        (b"\x93quoted\x94", "\N{LEFT DOUBLE QUOTATION MARK}quoted\N{RIGHT DOUBLE QUOTATION MARK}"),
    ],
)
def test_text_is_decoded_as_it_was_written(data: bytes, text: str) -> None:
    assert read("a.txt", data).text == text


def test_a_page_is_decoded_as_it_says() -> None:
    page = '<meta charset="iso-8859-2"><p>złoty</p>'.encode("iso-8859-2")
    assert read("a.html", page).text == "złoty"


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.PNG", b"x", "images are not read"),
        ("a.xyz", b"text", "files of the type .xyz are not read"),
        ("a.txt", b"\x00\x01\x02", "its content is not text"),
        ("core", b"\x7fELF\x02\x01\x01\x00", "its content is not text"),
        ("a.md", b"  \n", "it is empty"),
        ("a.html", b"<script>x()</script>", "it has no text"),
    ],
)
def test_what_is_not_read_says_why(name: str, data: bytes, reason: str) -> None:
    assert parse(name, data) == Unread(reason)


@given(
    st.sampled_from(NAMES),
    st.binary(max_size=300) | st.text(st.characters(codec="utf-8"), max_size=300).map(str.encode),
)
@example("a.rst", b"\n\n===\n")
@example("a.md", b"---\n---\n---")
@example("a.html", b"<table><p><td></table><h1>")
def test_whatever_the_bytes_are_headings_stand_in_the_text(name: str, data: bytes) -> None:
    parsed = parse(name, data)
    if isinstance(parsed, Unread):
        assert parsed.reason
        return
    assert parsed.title
    assert "\r" not in parsed.text
    assert "\0" not in parsed.text
    starts = [heading.start for heading in parsed.headings]
    assert starts == sorted(starts)
    assert all(0 <= start < len(parsed.text) for start in starts)
