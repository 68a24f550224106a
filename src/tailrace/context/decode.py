"""Floor 2: from bytes to text, once, before anybody counts characters in it."""

import codecs
import re
from typing import Final

_CONTROL: Final = bytes(set(range(32)) - {9, 10, 12, 13, 27})
_PROBE_BYTES: Final = 64 * 1024
_MAX_CONTROL_SHARE: Final = 0.02
_HTML_CHARSET: Final = re.compile(
    rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([\w-]{1,40})""", re.IGNORECASE
)
_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")


def decode(data: bytes) -> str | None:
    """The text in `data`: UTF-8, UTF-16 with its mark, else Western; None where it is no text."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return clean(data.decode("utf-16", "replace"))
    if _looks_binary(data):
        return None
    try:
        return clean(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return clean(_decode_western(data))


def clean(text: str) -> str:
    """`text` with every newline as a single line feed, and without what cannot be stored."""
    return _UNSTORABLE.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))


def _looks_binary(data: bytes) -> bool:
    if b"\0" in data:
        return True
    probe = data[:_PROBE_BYTES]
    controls = len(probe) - len(probe.translate(None, _CONTROL))
    return controls > len(probe) * _MAX_CONTROL_SHARE


def _decode_western(data: bytes) -> str:
    """As the page itself says, else Windows-1252, else Latin-1, which takes any byte."""
    declared = _HTML_CHARSET.search(data[:1024])
    names = [declared[1].decode()] if declared else []
    for name in [*names, "cp1252"]:
        try:
            return data.decode(name)
        except (LookupError, UnicodeDecodeError):
            continue
    return data.decode("latin-1")
