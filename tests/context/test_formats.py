"""What is kept of each format: its text in order, headings and pages in it, its title."""

import datetime as dt
import io
import json
from collections.abc import Callable
from typing import Any, cast

import docx
import openpyxl
import pptx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrace.context.chunk import split
from tailrace.context.headings import Heading
from tailrace.context.kinds import DocumentKind
from tailrace.context.parse import Parsed, Unread, parse
from tailrace.testing.hostile_files import book, notebook, office, paragraph, pdf, word

CREATED = dt.datetime(2026, 1, 2, tzinfo=dt.UTC).replace(tzinfo=None)


def read(name: str, data: bytes) -> Parsed:
    parsed = parse(name, data)
    assert isinstance(parsed, Parsed), parsed
    return parsed


def saved(save: Callable[[io.BytesIO], object]) -> bytes:
    out = io.BytesIO()
    save(out)
    return out.getvalue()


def paths(parsed: Parsed) -> list[tuple[str, str, int | None]]:
    chunks = split(parsed.text, parsed.headings, parsed.pages)
    return [(chunk.heading, chunk.text, chunk.page) for chunk in chunks]


def test_a_pdf_has_pages_below_the_entries_of_its_outline() -> None:
    data = pdf("Front", "", "More\nFaults\nE4 is low", outline={"Start": 0, "Faults": 2})
    parsed = read("a.pdf", data)
    assert parsed == Parsed(
        DocumentKind.PDF,
        "a.pdf",
        "Front\n\nMore\nFaults\nE4 is low",
        [Heading(0, 1, "Start"), Heading(12, 1, "Faults")],
        (0, 7, 7),
    )


def test_a_pdf_without_an_outline_has_the_lines_in_larger_letters_for_headings() -> None:
    body = "\n".join(["plain words of the usual size"] * 8)
    data = pdf(f"Title\n{body}", f"{body}\nPart two\n{body}", large=("Title", "Part two"))
    parsed = read("a.pdf", data)
    part = parsed.text.index("Part two")
    assert parsed.headings == [Heading(0, 1, "Title"), Heading(part, 1, "Part two")]
    assert parsed.pages == (0, len(f"Title\n{body}\n\n"))
    assert parsed.title == "Title"


def test_a_word_document_has_headings_lists_and_tables_that_name_their_columns() -> None:
    document = docx.Document()
    document.add_heading("Boiler", 0)
    document.add_heading("Faults", 1)
    document.add_paragraph("bleed", style="List Bullet")
    document.add_paragraph("fill", style="List Bullet")
    table = document.add_table(rows=2, cols=2)
    for row, cells in zip(table.rows, [("Code", "Meaning"), ("E4", "Low\npressure")], strict=True):
        for cell, text in zip(row.cells, cells, strict=True):
            cell.text = text
    document.add_heading("E4", 2)
    document.add_paragraph("Fill it.")
    parsed = read("a.docx", saved(document.save))
    assert parsed.title == "Boiler"
    assert parsed.text == (
        "Boiler\n\nFaults\n\n- bleed\n- fill\n\nCode: E4 | Meaning: Low pressure\n\nE4\n\nFill it."
    )
    levels = [(each.level, each.title) for each in parsed.headings]
    assert levels == [(0, "Boiler"), (1, "Faults"), (2, "E4")]
    assert all(parsed.text.startswith(each.title, each.start) for each in parsed.headings)


def test_what_was_inserted_in_a_word_document_is_read_and_what_was_deleted_is_not() -> None:
    run = "<w:r><w:t>{}</w:t></w:r>"
    deleted = "<w:del><w:r><w:delText>old</w:delText></w:r></w:del>"
    inserted = f"<w:p><w:ins>{run.format('new')}</w:ins>{deleted}</w:p>"
    field = f"<w:sdt><w:sdtContent>{paragraph('field')}</w:sdtContent></w:sdt>"
    assert read("a.docx", word(inserted + field)).text == "new\n\nfield"


def test_each_slide_is_a_page_below_its_title_with_its_notes() -> None:
    deck = cast("Any", pptx.Presentation())  # its types know no placeholder's text
    slide = deck.slides.add_slide(deck.slide_layouts[1])
    slide.shapes.title.text = "Plan"
    slide.placeholders[1].text = "First\nSecond"
    slide.notes_slide.notes_text_frame.text = "say why"
    deck.slides.add_slide(deck.slide_layouts[6])
    last = deck.slides.add_slide(deck.slide_layouts[5])
    last.shapes.title.text = "End"
    parsed = read("a.pptx", saved(deck.save))
    text = "Plan\n\nFirst\nSecond\n\nNotes: say why\n\nEnd"
    end = text.index("End")
    headings = [Heading(0, 1, "Plan"), Heading(end, 1, "End")]
    assert parsed == Parsed(DocumentKind.PPTX, "Plan", text, headings, (0, end, end))


def test_each_sheet_is_a_page_whose_rows_name_their_columns() -> None:
    workbook = openpyxl.Workbook()
    first = workbook.active
    assert first is not None
    first.title = "Parts"
    for row in (("Part", "Price", "Bought"), ("Valve", 12.5, CREATED), ("Pump", 100, None)):
        first.append(row)
    workbook.create_sheet("Free").append(["just", 1, True])
    parsed = read("a.xlsx", saved(workbook.save))
    text = (
        "Parts\n\nPart: Valve | Price: 12.5 | Bought: 2026-01-02\nPart: Pump | Price: 100"
        "\n\nFree\n\njust | 1 | TRUE"
    )
    free = text.index("Free")
    headings = [Heading(0, 1, "Parts"), Heading(free, 1, "Free")]
    assert parsed == Parsed(DocumentKind.XLSX, "a.xlsx", text, headings, (0, free))


@pytest.mark.parametrize(
    ("name", "data", "text"),
    [
        ("a.csv", "name;age\nAda;3,6\n\nBob;\n", "name: Ada | age: 3,6\nname: Bob"),
        ("a.csv", '1,"two, too"\n3,4\n', "1 | two, too\n3 | 4"),
        ("a.tsv", "a\tb\nx y\tz\n", "a: x y | b: z"),
        ("a.csv", "alone\nlines\n", "alone\nlines"),
        ("a.json", '{"a": 1}\n', '{"a": 1}'),
        ("a.json", '{"a":"\\u00fc"}', '{\n "a": "ü"\n}'),
        ("a.json", '{"broken": "\\u00fc"', '{"broken": "\\u00fc"'),
        ("a.jsonl", '{"a":"\\u00fc"}\n{"b":2}\n', '{\n "a": "ü"\n}\n{"b":2}'),
    ],
)
def test_data_can_be_read_by_people(name: str, data: str, text: str) -> None:
    assert read(name, data.encode()).text == text


MAIL = b"""From: =?utf-8?q?J=C3=BCrgen?= <j@example.org>
To: ada@example.org
Subject: =?iso-8859-1?Q?Gr=FC=DFe?=
Date: Mon, 30 Nov 2026 10:00:00 +0000
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=xx

--xx
Content-Type: text/html; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

<h1>Plan</h1><p>Caf=E9</p>
--xx
Content-Type: application/pdf
Content-Disposition: attachment; filename="plan.pdf"

x
--xx--
"""


def test_a_mail_says_who_wrote_what_to_whom_and_names_what_is_attached() -> None:
    parsed = read("a.eml", MAIL)
    text = (
        "Subject: Grüße\nFrom: Jürgen <j@example.org>\nTo: ada@example.org\n"
        "Date: Mon, 30 Nov 2026 10:00:00 +0000\n\nPlan\n\nCafé\n\nAttachments: plan.pdf"
    )
    plan = Heading(text.index("Plan"), 2, "Plan")
    headings = [Heading(0, 1, "Grüße"), plan]
    assert parsed == Parsed(DocumentKind.MAIL, "Grüße", text, headings)


def test_a_mail_in_a_mail_is_read_and_named() -> None:
    data = (
        b"Subject: Fwd\nContent-Type: multipart/mixed; boundary=q\n\n--q\n"
        b"Content-Type: message/rfc822\n\nSubject: inner\n\ninner body\n--q\n\nouter\n--q--\n"
    )
    text = "Subject: Fwd\n\ninner body\n\nouter\n\nAttachments: a mail about inner"
    assert read("a.eml", data).text == text


def test_each_mail_of_a_mailbox_has_its_heading() -> None:
    data = (
        b"From a Mon\nSubject: one\nTo: x\n\nBody\n>From here\n\nnot: one\n\n"
        b"From b Tue\nSubject: two\n\nMore\n"
    )
    assert paths(read("inbox.mbox", data))[0][0] == "one"
    parsed = read("inbox.mbox", data)
    assert parsed.text == (
        "Subject: one\nTo: x\n\nBody\nFrom here\n\nnot: one\n\nSubject: two\n\nMore"
    )
    assert [each.title for each in parsed.headings] == ["one", "two"]


def test_a_book_has_its_chapters_in_the_order_they_are_read_in() -> None:
    chapters = {
        "z%20z.xhtml": "<html><head><title>Preface</title></head><body><p>Before</p></body></html>",
        "a.xhtml": "<html><head><title/><script src='x'/></head><body><h1>One</h1>first</body>",
    }
    data = book({name.replace("%20", " "): text for name, text in chapters.items()}, title="Tides")
    parsed = read("a.epub", data)
    headings = [Heading(0, 1, "Preface"), Heading(8, 1, "One")]
    assert parsed == Parsed(DocumentKind.EPUB, "Tides", "Before\n\nOne\n\nfirst", headings)


def test_a_notebook_has_its_code_fenced_and_what_it_printed() -> None:
    cells = (
        {"cell_type": "markdown", "source": ["# Tides\n", "A study."]},
        {
            "cell_type": "code",
            "source": "show(1)",
            "outputs": [
                {"text": ["\x1b[1m1\x1b[0m\n"]},
                {"data": {"text/plain": "y" * 3_000, "image/png": "iVBO"}},
            ],
        },
    )
    parsed = read("a.ipynb", notebook(*cells))
    assert parsed.title == "Tides"
    printed = "1\n" + "y" * 2_000 + " […]"
    assert parsed.text == (f"# Tides\nA study.\n\n```python\nshow(1)\n```\n\nOutput:\n{printed}")


def test_a_heading_after_line_ends_of_all_kinds_stands_where_it_says() -> None:
    parsed = read("a.html", b"<pre>a&#13;&#10;b&#13;c\r\nd</pre><h1>End</h1>z")
    assert parsed.headings == [Heading(parsed.text.index("End"), 1, "End")]


SAMPLES = {
    "a.pdf": pdf("one\ntwo", "three", outline={"one": 0}),
    "a.docx": word(paragraph("one", "Heading1") + paragraph("two")),
    "a.pptx": office("pptx", "<p/>"),
    "a.xlsx": office("xlsx", "<workbook/>"),
    "a.csv": b"a,b\n1,2\n",
    "a.json": b'{"a":"\\u00fc"}',
    "a.jsonl": b'{"a":"\\u00fc"}\n{}',
    "a.eml": MAIL,
    "a.mbox": b"From x\n" + MAIL,
    "a.epub": book({"a.xhtml": "<h1>One</h1><pre>x&#13;&#10;y</pre><h2>Two</h2>z"}),
    "a.ipynb": notebook({"cell_type": "markdown", "source": "# One"}),
    "a.html": b"<pre>a&#13;&#10;b&#13;&#10;</pre><h1>End</h1>z",
}


def check(name: str, data: bytes) -> None:
    parsed = parse(name, data)
    if isinstance(parsed, Unread):
        assert parsed.reason
        return
    text = parsed.text
    starts = [heading.start for heading in parsed.headings]
    assert starts == sorted(starts)
    assert all(0 <= start < len(text) for start in starts)
    assert list(parsed.pages) == sorted(parsed.pages)
    assert all(0 <= start <= len(text) for start in parsed.pages)
    assert "\r" not in text
    text.encode()
    for chunk in split(text, parsed.headings, parsed.pages):
        assert text[chunk.char_start : chunk.char_end] == chunk.text
        assert (chunk.page is None) is (not parsed.pages)


@settings(max_examples=40)
@given(st.sampled_from(sorted(SAMPLES)), st.binary(max_size=200))
def test_whatever_the_bytes_are_they_are_read_or_refused(name: str, data: bytes) -> None:
    check(name, data)


@settings(max_examples=120)
@given(st.sampled_from(sorted(SAMPLES)), st.data())
def test_a_document_that_was_tampered_with_is_read_or_refused(
    name: str, data: st.DataObject
) -> None:
    content = bytearray(SAMPLES[name])
    for _ in range(data.draw(st.integers(0, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
        content = content or bytearray(b"x")
    check(name, bytes(content[: data.draw(st.integers(0, len(content)))]))


@settings(max_examples=40)
@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["cell_type", "source", "outputs"]),
            st.sampled_from(["markdown", "code", "raw"]) | st.text(max_size=20) | st.none(),
        ),
        max_size=5,
    )
)
def test_positions_in_a_notebook_stand_in_its_text(cells: list[dict[str, str | None]]) -> None:
    check("a.ipynb", json.dumps({"cells": cells}).encode())
