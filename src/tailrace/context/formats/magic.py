"""Floor 2: what bytes are, whatever their file is called."""

from collections.abc import Mapping
from typing import Final

from tailrace.context.formats.draft import RefusedError

OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED_PACKAGE: Final = "EncryptedPackage".encode("utf-16-le")
_PDF_WITHIN: Final = 1024

_MAGIC: Final[Mapping[bytes, str]] = {
    b"\x89PNG\r\n\x1a\n": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"GIF8": "a GIF picture",
    b"%PDF-": "a PDF file",
    b"PK\x03\x04": "a ZIP archive",
    b"\x1f\x8b": "a gzip archive",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!": "a RAR archive",
    b"\x7fELF": "a program",
    b"MZ": "a program",
    b"SQLite format 3\0": "a database",
    b"<!DOCTYPE html": "a web page",
    b"<html": "a web page",
    b"{\\rtf": "an RTF document",
    OLE: "an Office file of the old kind",
}


def require_pdf(data: bytes) -> None:
    """Nothing, where `data` may be a PDF file.

    Raises:
        RefusedError: it is something else.
    """
    if b"%PDF-" not in data[:_PDF_WITHIN]:
        raise RefusedError(_not("PDF file", data))


def require_zip(data: bytes, what: str) -> None:
    """Nothing, where `data` may be the archive that a `what` is.

    Raises:
        RefusedError: it is something else, or locked with a password.
    """
    if data.startswith(b"PK"):
        return
    if data.startswith(OLE) and _ENCRYPTED_PACKAGE in data:
        msg = "it is protected with a password"
        raise RefusedError(msg)
    raise RefusedError(_not(what, data))


def _not(what: str, data: bytes) -> str:
    for mark, other in _MAGIC.items():
        if data.startswith(mark):
            return f"it is {other} and no {what}, whatever its name says"
    if not data.strip(b"\0"):
        return "it has nothing but zeros in it" if data else "it is empty"
    return f"it is no {what}, whatever its name says, or it is damaged"
