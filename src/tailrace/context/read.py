"""Floor 2: from a file, or from bytes handed in, to a document with its chunks; blocking."""

import hashlib
from pathlib import Path, PurePosixPath

import msgspec

from tailrace.context.chunk import split
from tailrace.context.kinds import why_not_read
from tailrace.context.parse import Unread, parse
from tailrace.context.walk import FoundFile, read_file, why
from tailrace.stores.documents import DocumentOrigin, DocumentStatus, NewChunk, NewDocument


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """A document as it was read, searchable or not, with its chunks."""

    document: NewDocument
    chunks: list[NewChunk]


class SameBytes(msgspec.Struct, frozen=True):
    """The file has the bytes it had, and this date."""

    file: FoundFile


def read_path(
    owner: str, file: FoundFile, known_sha256: str, max_bytes: int
) -> Reading | SameBytes:
    """What is in the file; SameBytes where their hash is `known_sha256`."""
    if reading := refused(owner, file, max_bytes):
        return reading
    try:
        data, file_read = read_file(Path(file.source), max_bytes)
    except OSError as exc:
        return _unread(owner, file, DocumentStatus.FAILED, why(exc))
    if len(data) > max_bytes:
        return _unread(owner, file_read, DocumentStatus.SKIPPED, too_large(max_bytes))
    if known_sha256 and hashlib.sha256(data).hexdigest() == known_sha256:
        return SameBytes(file_read)
    return read_bytes(owner, file_read, data, DocumentOrigin.FOLDER)


def refused(owner: str, file: FoundFile, max_bytes: int) -> Reading | None:
    """The document of a file that need not even be opened; None where it must be."""
    reason = refusal(file, max_bytes)
    return _unread(owner, file, DocumentStatus.SKIPPED, reason) if reason else None


def failed(
    owner: str, file: FoundFile, sha256: str, origin: DocumentOrigin, reason: str
) -> Reading:
    """The document of a file whose content could not be read; `sha256` is that of its bytes."""
    reading = _unread(owner, file, DocumentStatus.FAILED, reason)
    is_file = origin is DocumentOrigin.FOLDER
    document = msgspec.structs.replace(
        reading.document,
        sha256=sha256,
        origin=origin,
        mtime_ns=file.mtime_ns if is_file else None,
    )
    return Reading(document=document, chunks=[])


def refusal(file: FoundFile, max_bytes: int) -> str:
    """Why the file need not even be opened; "" where it must be."""
    if reason := why_not_read(file.source):
        return reason
    return too_large(max_bytes) if file.size_bytes > max_bytes else ""


def read_bytes(owner: str, file: FoundFile, data: bytes, origin: DocumentOrigin) -> Reading:
    """What is in `data`, which is called `file.source`."""
    parsed = parse(file.source, data)
    document = NewDocument(
        owner=owner,
        source=file.source,
        title=PurePosixPath(file.source).name,
        kind="",
        size_bytes=len(data),
        mtime_ns=file.mtime_ns if origin is DocumentOrigin.FOLDER else None,
        sha256=hashlib.sha256(data).hexdigest(),
        text="",
        origin=origin,
    )
    if isinstance(parsed, Unread):
        status = DocumentStatus.FAILED if parsed.failed else DocumentStatus.SKIPPED
        unread = msgspec.structs.replace(document, status=status, reason=parsed.reason)
        return Reading(document=unread, chunks=[])
    read = msgspec.structs.replace(
        document, title=parsed.title, kind=parsed.kind.value, text=parsed.text
    )
    return Reading(document=read, chunks=split(parsed.text, parsed.headings, parsed.pages))


def too_large(max_bytes: int) -> str:
    """Why a file of more than `max_bytes` is not read."""
    size = f"{max_bytes / 1024**2:.0f} MiB" if max_bytes >= 1024**2 else f"{max_bytes:,} bytes"
    return f"it is larger than {size}"


def _unread(owner: str, file: FoundFile, status: DocumentStatus, reason: str) -> Reading:
    document = NewDocument(
        owner=owner,
        source=file.source,
        title=PurePosixPath(file.source).name,
        kind="",
        size_bytes=file.size_bytes,
        mtime_ns=file.mtime_ns,
        sha256="",
        text="",
        status=status,
        reason=reason,
        origin=DocumentOrigin.FOLDER,
    )
    return Reading(document=document, chunks=[])
