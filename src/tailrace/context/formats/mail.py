"""Floor 2: EML and MBOX, mails as they are read: who wrote to whom, when, about what, and what.

Rule 1: a mail has its own heading; what is attached is named and not opened.
Rule 2: headers are decoded by us: the library's own way takes a millisecond for each recipient.
Rule 3: one mail of many that cannot be read takes no other one with it.
"""

import email
import re
from collections.abc import Iterator
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from typing import Final, cast

from tailrace.context.decode import decode
from tailrace.context.formats.draft import Draft, RefusedError
from tailrace.context.headings import Heading
from tailrace.context.html import html_text, is_too_deep

_MAX_MAILS: Final = 50_000
_MAX_PARTS: Final = 200
_MAX_HEADER_BYTES: Final = 256 * 1024
_HEADER_CHARS: Final = 2_000
_NAME_CHARS: Final = 200
_FROM_LINE: Final = re.compile(rb"(?:\A|\r?\n\r?\n)From [^\r\n]{1,998}\r?\n(?=[!-9;-~]{1,200}:)")
_HEADER_END: Final = re.compile(rb"\r?\n\r?\n")
_QUOTED_FROM: Final = re.compile(rb"^>(>*From )", re.MULTILINE)
_HEADER: Final = re.compile(rb"\s*(?:From [^\n]*\n)?[!-9;-~]{1,200}:")
_SHOWN: Final = ("From", "To", "Cc", "Date")


def eml_draft(data: bytes) -> Draft:
    """One mail.

    Raises:
        RefusedError: it is none.
    """
    if not _HEADER.match(data):
        msg = "it is no mail, whatever its name says: it does not start with a header"
        raise RefusedError(msg)
    if _has_huge_header(data):
        msg = "its mail header is larger than that of any mail"
        raise RefusedError(msg)
    draft = Draft()
    draft.title = _write_mail(draft, data)
    return draft


def mbox_draft(data: bytes) -> Draft:
    """The mails of a mailbox, one after the other.

    Raises:
        RefusedError: it is none.
    """
    if not data.startswith(b"From "):
        msg = "it is no mailbox, whatever its name says: it does not start with `From `"
        raise RefusedError(msg)
    draft = Draft()
    for count, mail in enumerate(_mails(data)):
        if count >= _MAX_MAILS:
            draft.write(f"[Only the first {_MAX_MAILS:,} mails were read.]")
            break
        if _has_huge_header(mail):
            draft.write("[A mail with a header larger than that of any mail was left out.]")
        else:
            _write_mail(draft, _QUOTED_FROM.sub(rb"\1", mail))
    return draft


def _has_huge_header(data: bytes) -> bool:
    end = _HEADER_END.search(data)
    return (end.start() if end else len(data)) > _MAX_HEADER_BYTES


def _mails(data: bytes) -> Iterator[bytes]:
    start: int | None = None
    for found in _FROM_LINE.finditer(data):
        if start is not None:
            yield data[start : found.start()]
        start = found.end()
    if start is not None:
        yield data[start:]


def _write_mail(draft: Draft, data: bytes) -> str:
    """Add a mail; its subject."""
    message = email.message_from_bytes(data)
    subject = _header(message, "Subject")
    draft.heading(1, subject or "(no subject)")
    lines = [f"Subject: {subject}"] if subject else []
    lines += [f"{name}: {told}" for name in _SHOWN if (told := _header(message, name))]
    draft.write("\n".join(lines))
    text, headings, attached = _body(message)
    draft.write(text, headings=headings, deeper=1)
    if attached:
        draft.write("Attachments: " + ", ".join(attached))
    return subject


def _header(message: Message, name: str) -> str:
    """A header's decoded value; "" where there is none."""
    wanted = name.lower()
    value = next((value for key, value in message.raw_items() if key.lower() == wanted), "")
    return _decoded(str(value))


def _decoded(value: str) -> str:
    """What a header's value says, its encoded words and bytes that are no ASCII included."""
    words = " ".join(value[:_MAX_HEADER_BYTES].split())
    try:
        pieces = decode_header(words)
    except HeaderParseError:
        pieces = [(words, None)]
    told: list[str] = []
    for piece, charset in pieces:
        data = piece.encode("utf-8", "surrogateescape") if isinstance(piece, str) else piece
        told.append(decode(data, charset or "") or "")
    return " ".join("".join(told).split())[:_HEADER_CHARS]


def _body(message: Message) -> tuple[str, list[Heading], list[str]]:
    """The text a reader sees, its headings, and the names of what is attached."""
    plain: list[str] = []
    pages: list[str] = []
    attached: list[str] = []
    for part in _parts(message):
        kind = part.get_content_type()
        if part.is_multipart():
            subjects = (_header(mail, "Subject") for mail in _inner(part))
            attached += [f"a mail about {subject}" for subject in subjects if subject]
            continue
        name = _file_name(part)
        if name or part.get_content_disposition() == "attachment":
            attached.append(name or kind)
        elif kind == "text/html":
            pages.append(_content(part))
        elif kind == "text/plain":
            plain.append(_content(part))
    text = "\n\n".join(piece.strip() for piece in plain if piece.strip())
    source = "\n".join(page for page in pages if not is_too_deep(page))
    if not source or text:
        return text, [], attached
    text, headings, _ = html_text(source)
    return text, headings, attached


def _parts(message: Message) -> Iterator[Message]:
    """The parts that hold something, and those that hold a mail, before what is in that."""
    waiting = [message]
    seen = 0
    while waiting and seen < _MAX_PARTS:
        part = waiting.pop()
        seen += 1
        if part.is_multipart():
            if part.get_content_type() == "message/rfc822":
                yield part
            waiting += reversed(_inner(part))
        else:
            yield part


def _inner(part: Message) -> list[Message]:
    return cast("list[Message]", part.get_payload())[:_MAX_PARTS]


def _file_name(part: Message) -> str:
    try:
        return _decoded(part.get_filename() or "")[:_NAME_CHARS]
    except (ValueError, LookupError, AttributeError, TypeError):
        return ""


def _content(part: Message) -> str:
    data = part.get_payload(decode=True)
    if not isinstance(data, bytes):
        return ""
    return decode(data, part.get_content_charset() or "") or ""
