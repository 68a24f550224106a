"""Floor 2: Parcels, what passes between the server and the process that reads for it.

Rule 1: a parcel is its length in four bytes, then MessagePack; bytes handed in follow theirs raw.
Rule 2: no parcel is large: a text and its passages come in pieces, so that taking one from the
    pipe holds the event loop for no longer than a millisecond or two.
Rule 3: a passage travels as its span; its text is cut from the document's where it arrives.
"""

from collections.abc import Iterator
from typing import BinaryIO, Final

import msgspec

from tailrace.context.read import Reading, SameBytes
from tailrace.context.walk import FoundFile
from tailrace.stores.documents import DocumentOrigin, NewDocument

LENGTH_BYTES: Final = 4
_TEXT_CHARS: Final = 128 * 1024
_SPANS: Final = 128


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """Files to be read, or one whose bytes follow.

    Attributes:
        known_sha256: For each file, the hash of which no more than that it is the same is told.
        data_bytes: How many bytes follow; None: the files are read from the disk.
    """

    owner: str
    files: list[FoundFile]
    known_sha256: list[str]
    max_bytes: int
    origin: DocumentOrigin
    data_bytes: int | None = None


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """The process has started."""


class Same(msgspec.Struct, frozen=True, tag="same"):
    """A file has the bytes it had."""

    file: FoundFile


class Head(msgspec.Struct, frozen=True, tag="head"):
    """A document, but for its text; that and its passages follow."""

    document: NewDocument


class Text(msgspec.Struct, frozen=True, tag="text"):
    """The next piece of the text."""

    piece: str


class Span(msgspec.Struct, frozen=True, array_like=True):
    """A passage: where it stands, and below which headings, on which page."""

    heading: str
    char_start: int
    char_end: int
    page: int | None


class Spans(msgspec.Struct, frozen=True, tag="spans"):
    """The next passages."""

    spans: list[Span]


class End(msgspec.Struct, frozen=True, tag="end"):
    """A document is complete."""


class OutOfMemory(msgspec.Struct, frozen=True, tag="out_of_memory"):
    """There is not enough memory for this file; the process ends."""


Reply = Ready | Same | Head | Text | Spans | End | OutOfMemory

_ENCODER: Final = msgspec.msgpack.Encoder()
_REPLIES: Final[msgspec.msgpack.Decoder[Reply]] = msgspec.msgpack.Decoder(Reply)
_REQUESTS: Final = msgspec.msgpack.Decoder(Request)


def packed(parcel: Request | Reply) -> bytes:
    """A parcel as bytes."""
    payload = _ENCODER.encode(parcel)
    return len(payload).to_bytes(LENGTH_BYTES, "big") + payload


def reply_in(payload: bytes) -> Reply:
    """The reply that is in a parcel."""
    return _REPLIES.decode(payload)


def request_from(pipe: BinaryIO) -> tuple[Request, bytes | None] | None:
    """The next request and the bytes that came with it; None where the pipe has ended."""
    length = pipe.read(LENGTH_BYTES)
    payload = pipe.read(int.from_bytes(length, "big")) if len(length) == LENGTH_BYTES else b""
    if not payload:
        return None
    request = _REQUESTS.decode(payload)
    if request.data_bytes is None:
        return request, None
    data = pipe.read(request.data_bytes)
    return (request, data) if len(data) == request.data_bytes else None


def replies(reading: Reading | SameBytes) -> Iterator[Reply]:
    """What was read, in pieces."""
    if isinstance(reading, SameBytes):
        yield Same(reading.file)
        return
    text, chunks = reading.document.text, reading.chunks
    yield Head(msgspec.structs.replace(reading.document, text=""))
    for start in range(0, len(text), _TEXT_CHARS):
        yield Text(text[start : start + _TEXT_CHARS])
    for start in range(0, len(chunks), _SPANS):
        yield Spans(
            [
                Span(chunk.heading, chunk.char_start, chunk.char_end, chunk.page)
                for chunk in chunks[start : start + _SPANS]
            ]
        )
    yield End()
