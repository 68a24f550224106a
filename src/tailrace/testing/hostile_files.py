"""Testing floor: hostile and broken files, made on the spot, each small on the disk.

Each is what somebody may really have in a folder: cut off, locked, misnamed, or made to do harm.
"""

import gzip
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from typing import Final

OLE_MARK: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
PNG: Final = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + bytes(40)

_W: Final = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_OFFICE: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE: Final = "http://schemas.openxmlformats.org/package/2006"
_MAIN: Final = {
    "docx": (
        "word/document.xml",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml",
    ),
    "pptx": (
        "ppt/presentation.xml",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation.main+xml",
    ),
    "xlsx": (
        "xl/workbook.xml",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml",
    ),
}
_LAUGHS: Final = "".join(
    f'<!ENTITY l{number} "{f"&l{number - 1};" * 10 if number else "lol"}">' for number in range(12)
)
BOMB_DOCTYPE: Final = f"<!DOCTYPE bomb [{_LAUGHS}]>"


def zipped(members: Mapping[str, str | bytes]) -> bytes:
    """A ZIP archive with these members."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def office(kind: str, main: str | bytes, further: Mapping[str, str | bytes] | None = None) -> bytes:
    """An office file (`docx`, `pptx`, `xlsx`) whose main part is `main`."""
    path, content_type = _MAIN[kind]
    return zipped(
        {
            "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
            f'<Default Extension="xml" ContentType="application/xml"/>'
            '<Default Extension="rels" '
            'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Override PartName="/{path}" ContentType="{content_type}"/></Types>',
            "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="r1" '
            f'Type="{_OFFICE}/officeDocument" Target="{path}"/></Relationships>',
            path: main,
            **(further or {}),
        }
    )


def word(body: str, prolog: str = "") -> bytes:
    """A Word document with the WordprocessingML `body`."""
    return office(
        "docx", f'{prolog}<w:document xmlns:w="{_W}"><w:body>{body}</w:body></w:document>'
    )


def paragraph(text: str, style: str = "") -> str:
    """A paragraph for `word`."""
    properties = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{properties}<w:r><w:t>{text}</w:t></w:r></w:p>"


def book(chapters: Mapping[str, str], prolog: str = "", title: str = "A book") -> bytes:
    """An EPUB book with these chapters, by file name, as XHTML."""
    items = "".join(
        f'<item id="c{number}" href="{name}" media-type="application/xhtml+xml"/>'
        for number, name in enumerate(chapters)
    )
    spine = "".join(f'<itemref idref="c{number}"/>' for number in range(len(chapters)))
    package = (
        f'{prolog}<package xmlns:dc="dc"><metadata><dc:title>{title}</dc:title></metadata>'
        f"<manifest>{items}</manifest><spine>{spine}</spine></package>"
    )
    container = '<container><rootfiles><rootfile full-path="b/p.opf"/></rootfiles></container>'
    return zipped(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": container,
            "b/p.opf": package,
            **{f"b/{name}": text for name, text in chapters.items()},
        }
    )


def pdf(
    *pages: str,
    outline: Mapping[str, int] | None = None,
    large: Sequence[str] = (),
    forms: str = "",
) -> bytes:
    """A PDF file with a page for each text; `outline` has titles and pages, counted from 0.

    Lines that are in `large` are written in large letters.
    `forms` are further objects, from number 100; each page then draws the one of that number.
    """
    entries = list((outline or {}).items())
    first_page, first_entry = 10, 10 + 2 * len(pages)
    objects: dict[int, str] = {
        1: "<</Type/Catalog/Pages 2 0 R" + ("/Outlines 4 0 R" if entries else "") + ">>",
        2: f"<</Type/Pages/Count {len(pages)}/Kids["
        + " ".join(f"{first_page + 2 * n} 0 R" for n in range(len(pages)))
        + "]>>",
        3: "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    }
    if entries:
        last = first_entry + len(entries) - 1
        objects[4] = f"<</Type/Outlines/First {first_entry} 0 R/Last {last} 0 R>>"
    for number, text in enumerate(pages):
        at = first_page + 2 * number
        drawn = "/F Do " if forms else ""
        lines = "".join(
            f"/H {24 if line in large else 12} Tf ({line}) Tj T* " for line in text.split("\n")
        )
        content = f"{drawn}BT 26 TL 72 700 Td {lines}ET"
        form = "/XObject<</F 100 0 R>>" if forms else ""
        objects[at] = (
            f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents {at + 1} 0 R"
            f"/Resources<</Font<</H 3 0 R>>{form}>>>>"
        )
        objects[at + 1] = f"<</Length {len(content)}>>stream\n{content}\nendstream"
    for number, (title, page) in enumerate(entries):
        at = first_entry + number
        following = f"/Next {at + 1} 0 R" if number + 1 < len(entries) else ""
        objects[at] = (
            f"<</Title({title})/Parent 4 0 R{following}/Dest[{first_page + 2 * page} 0 R/Fit]>>"
        )
    return _pdf_file(objects, forms)


def _pdf_file(objects: Mapping[int, str], forms: str) -> bytes:
    out = bytearray(b"%PDF-1.7\n")
    offsets: dict[int, int] = {}
    for number, content in objects.items():
        offsets[number] = len(out)
        out += f"{number} 0 obj\n{content}\nendobj\n".encode("latin-1")
    for number, content in enumerate(filter(None, forms.split("\0")), start=100):
        offsets[number] = len(out)
        out += f"{number} 0 obj\n{content}\nendobj\n".encode("latin-1")
    table = len(out)
    size = max(offsets) + 1
    out += f"xref\n0 {size}\n".encode()
    for number in range(size):
        at = offsets.get(number)
        out += f"{at:010} 00000 n \n".encode() if at else b"0000000000 65535 f \n"
    out += f"trailer\n<</Size {size}/Root 1 0 R>>\nstartxref\n{table}\n%%EOF\n".encode()
    return bytes(out)


def endless_pdf() -> bytes:
    """A PDF file whose page draws a form that draws another ten times, and so on."""
    depth, times = 12, 10
    forms: list[str] = []
    for number in range(depth):
        is_last = number == depth - 1
        content = "BT /H 9 Tf (ha) Tj ET" if is_last else "/F Do " * times
        inner = "" if is_last else f"/XObject<</F {101 + number} 0 R>>"
        forms.append(
            f"<</Type/XObject/Subtype/Form/BBox[0 0 600 700]/Length {len(content)}"
            f"/Resources<</Font<</H 3 0 R>>{inner}>>>>stream\n{content}\nendstream"
        )
    return pdf("first", forms="\0".join(forms))


def locked_pdf() -> bytes:
    """A PDF file that is encrypted with a password nobody has."""
    plain = pdf("secret")
    key = "(" + "x" * 32 + ")"
    encrypt = f"/Encrypt<</Filter/Standard/V 1/R 2/Length 40/P -4/O{key}/U{key}>>/ID[(a)(b)]"
    return plain.replace(b"/Root 1 0 R", b"/Root 1 0 R" + encrypt.encode())


def locked_office() -> bytes:
    """An office file with a password, as the programs write it: an OLE file with the rest in it."""
    return OLE_MARK + bytes(504) + "EncryptedPackage".encode("utf-16-le") + bytes(480)


def locked_zip() -> bytes:
    """An archive whose members say that they are encrypted."""
    data = bytearray(zipped({"word/document.xml": "x"}))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(mark) + offset
        data[at] |= 1
    return bytes(data)


def zip_bomb(*, declared: bool = True) -> bytes:
    """An archive of some kilobytes that unpacks to a thousand times that.

    Not `declared`: its directory says that there is next to nothing in it.
    """
    bomb = zipped({"word/document.xml": bytes(20_000_000)})
    if declared:
        return bomb
    data = bytearray(bomb)
    for mark, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = data.find(mark) + offset
        data[at : at + 4] = struct.pack("<I", 1_000)
    return bytes(data)


def many_members() -> bytes:
    """An archive with more members than any document."""
    return zipped({f"m{number}": b"" for number in range(10_001)})


def deep_json(depth: int = 100_000) -> bytes:
    """A JSON file that is nested without end."""
    return ('{"cells":' + "[" * depth + "]" * depth + ',"x":"\\u00fc"}').encode()


def greedy_notebook() -> bytes:
    """A notebook of a few megabytes that is a few hundred in memory."""
    return b'{"cells":[' + b"[{}]," * 1_600_000 + b"1]}"


def endless_mail() -> bytes:
    """A mail whose every line is compared with two hundred boundaries."""
    opening = b"".join(
        b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n' % (number, number)
        for number in range(200)
    )
    return b"Subject: x\n" + opening + b"\n" + b"--\n" * 500_000


def notebook(*cells: Mapping[str, object]) -> bytes:
    """A notebook with these cells."""
    about = {"metadata": {"language_info": {"name": "python"}}, "nbformat": 4}
    return json.dumps({"cells": cells, **about}).encode()


def deflated_pdf(size: int) -> bytes:
    """A PDF file whose page's content is `size` zeros once it is unpacked."""
    packed = zlib.compress(bytes(size), 9).decode("latin-1")
    plain = pdf("x").decode("latin-1")
    start, end = plain.index("<</Length"), plain.index("endstream")
    content = f"<</Length {len(packed)}/Filter/FlateDecode>>stream\n{packed}\n"
    return (plain[:start] + content + plain[end:]).encode("latin-1")


def gzipped(data: bytes) -> bytes:
    """`data` in a gzip file."""
    return gzip.compress(data, mtime=0)
