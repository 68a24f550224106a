"""Floor 2: from bytes to text, once, before anybody counts characters in it.

Rule 1: what bytes say of themselves comes first: a byte order mark, then UTF-8 where it is valid,
    then what their file declares, and only then what they look like.
Rule 2: a guess looks at a bounded sample; the whole is then decoded, and must decode.
"""

import codecs
import re
from collections.abc import Iterator
from itertools import chain
from typing import Final

from tailrace.context.guess import guesses

_CONTROL: Final = bytes(set(range(32)) - {9, 10, 12, 13, 27})
_PROBE_BYTES: Final = 64 * 1024
_HEAD_BYTES: Final = 1024
_MAX_CONTROL_SHARE: Final = 0.02
_MIN_WIDE_BYTES: Final = 8
_MIN_ZERO_SHARE: Final = 0.4
_MARKS: Final = (  # the longer first: one of UTF-16 starts one of UTF-32
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF8, "utf-8-sig"),
)
_DECLARED: Final = re.compile(
    rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([\w.:-]{1,40})"""  # a page
    rb"""|\A\s*<\?xml[^>]{0,100}?encoding\s*=\s*["']([\w.:-]{1,40})"""  # XML
    rb"""|\A(?:[^\n]*\n)?[ \t\f]*[#/;"-][^\n]{0,100}?coding[:=][ \t]*([\w.-]{1,40})"""  # code
    rb"""|@charset\s+"([\w.-]{1,40})\"""",  # a style sheet
    re.IGNORECASE,
)
_NOT_DECLARABLE: Final = frozenset({"utf-16", "utf-32", "utf-7", "idna", "punycode"})
_SHIFTED: Final = "iso2022_jp_2"  # in which mail of Japan was written, all of it ASCII bytes
_WIDE_CONTROL: Final = re.compile("[\0-\x08\x0b\x0e-\x1a\x1c-\x1f\ufffd]")
_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")


def decode(data: bytes, declared: str = "") -> str | None:
    """The text in `data`; None where it is no text.

    Args:
        data: The bytes.
        declared: The encoding that came with them; "" where nothing was said.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return clean(data.decode(encoding, "replace"))
    if wide := _wide(data):
        return clean(data.decode(wide, "replace"))
    if _looks_binary(data):
        return None
    return clean(_decode_narrow(data, declared))


def clean(text: str) -> str:
    """`text` with every newline as a single line feed, and without what cannot be stored."""
    return _UNSTORABLE.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))


def _looks_binary(data: bytes) -> bool:
    if b"\0" in data:
        return True
    probe = data[:_PROBE_BYTES]
    controls = len(probe) - len(probe.translate(None, _CONTROL))
    return controls > len(probe) * _MAX_CONTROL_SHARE


def _wide(data: bytes) -> str:
    """UTF-16 without a mark: every second byte of much of it is zero; "" for all else."""
    probe = data[:_PROBE_BYTES]
    if len(data) % 2 or len(probe) < _MIN_WIDE_BYTES:
        return ""
    enough = len(probe) / 2 * _MIN_ZERO_SHARE
    for encoding, zeros in (("utf-16-le", probe[1::2]), ("utf-16-be", probe[::2])):
        if zeros.count(0) > enough:
            text = probe.decode(encoding, "replace")
            return (
                ""
                if len(_WIDE_CONTROL.findall(text)) > len(text) * _MAX_CONTROL_SHARE
                else encoding
            )
    return ""


def _decode_narrow(data: bytes, declared: str) -> str:
    """As UTF-8, as it says itself, as it looks, or as Latin-1, which takes any byte."""
    first = [_SHIFTED, "utf-8"] if b"\x1b$" in data else ["utf-8"]
    for encoding in first:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    for encoding in chain(_declared(data, declared), guesses(data)):
        try:
            return data.decode(encoding)
        except (LookupError, UnicodeError, ValueError):
            continue
    return data.decode("latin-1")


def _declared(data: bytes, told: str) -> Iterator[str]:
    found = _DECLARED.search(data[:_HEAD_BYTES])
    said = next((group.decode() for group in found.groups() if group), "") if found else ""
    for name in (told, said):
        try:
            encoding = codecs.lookup(name).name if name else ""
        except (LookupError, ValueError):
            continue
        if encoding == "iso8859-1":
            yield "cp1252"  # as browsers do: https://encoding.spec.whatwg.org/#names-and-labels
        elif encoding and encoding not in _NOT_DECLARABLE:
            yield encoding
