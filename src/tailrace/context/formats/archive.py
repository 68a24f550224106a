"""Floor 2: a ZIP archive in memory, looked at before anything in it is unpacked.

Rule 1: nothing is ever written to the disk, and an archive in an archive is not opened.
Rule 2: what is unpacked has a limit, both as the archive declares it and as it turns out.
Rule 3: no XML with a document type is handed to a parser: entities are how XML grows.
"""

import io
import re
import stat
import zipfile
import zlib
from collections.abc import Iterable
from typing import Final

from tailrace.context.formats.draft import RefusedError

MAX_MEMBERS: Final = 10_000
MAX_EXPANDED_BYTES: Final = 256 * 1024 * 1024
_MAX_RATIO: Final = 250
_RATIO_FROM_BYTES: Final = 16 * 1024 * 1024
_MAX_DIRECTORY_BYTES: Final = 4 * 1024 * 1024
_END: Final = b"PK\x05\x06"
_END_BYTES: Final = 22
_MAX_COMMENT_BYTES: Final = 65_535
_IN_ZIP64: Final = 0xFFFF_FFFF  # the true size stands elsewhere
_PIECE_BYTES: Final = 1024 * 1024
_ENCRYPTED: Final = 0x1
_DOCTYPE: Final = re.compile(rb"<!\s*(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_TRICK: Final = re.compile(r"(?:^|[/\\])\.\.(?:[/\\]|$)|^[/\\]|^[A-Za-z]:|\0")

_BOMB: Final = "it would unpack to far more than a document needs"
_DAMAGED: Final = "its archive is damaged or cut off"


class Archive:
    """An archive that was looked at; its members are read one by one."""

    def __init__(self, data: bytes) -> None:
        """Look at `data`.

        Raises:
            RefusedError: it is no archive, damaged, protected, or made to do harm.
        """
        _check_directory(data)
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as exc:
            raise RefusedError(_DAMAGED) from exc
        members = self._zip.infolist()
        _check_members(members)
        self._members = {member.filename: member for member in members}
        self._left = MAX_EXPANDED_BYTES

    def names(self) -> list[str]:
        """The names of all members."""
        return list(self._members)

    def read(self, name: str) -> bytes | None:
        """What is in the member; None where there is none.

        Raises:
            RefusedError: it is damaged, or more than may be unpacked.
        """
        member = self._members.get(name)
        if member is None:
            return None
        try:
            content = self._unpacked(member)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError) as exc:
            raise RefusedError(_DAMAGED) from exc
        except (RuntimeError, ValueError) as exc:  # a method or a password we do not have
            raise RefusedError(_DAMAGED) from exc
        self._left -= len(content)
        if self._left < 0:
            raise RefusedError(_BOMB)
        return content

    def _unpacked(self, member: zipfile.ZipInfo) -> bytes:
        """A member's content, piece by piece: a larger one than declared is not unpacked at all."""
        pieces: list[bytes] = []
        with self._zip.open(member) as file:
            while piece := file.read(_PIECE_BYTES):
                pieces.append(piece)
        return b"".join(pieces)

    def check(self) -> None:
        """Unpack every member once, before a library does; it is as large as it declares to be.

        Raises:
            RefusedError: one is damaged, or has a document type, which no office document needs.
        """
        for name in self._members:
            content = self.read(name) or b""
            if name.endswith((".xml", ".rels", ".vml")) and has_doctype(content):
                msg = "it declares XML entities, which no document needs and bombs are made of"
                raise RefusedError(msg)
        self._left = MAX_EXPANDED_BYTES


def has_doctype(xml: bytes) -> bool:
    """Whether there is a document type or an entity in `xml`, in whatever Unicode encoding."""
    return bool(_DOCTYPE.search(xml.replace(b"\0", b"") if b"\0" in xml else xml))


def _check_directory(data: bytes) -> None:
    """Look at the directory's size before it is listed.

    Raises:
        RefusedError: it is too large, or there is none.
    """
    end = data.rfind(_END, max(0, len(data) - _END_BYTES - _MAX_COMMENT_BYTES))
    if end < 0 or len(data) - end < _END_BYTES:
        raise RefusedError(_DAMAGED)
    size_bytes = int.from_bytes(data[end + 12 : end + 16], "little")
    if size_bytes != _IN_ZIP64 and size_bytes > _MAX_DIRECTORY_BYTES:
        msg = f"its archive has more than {MAX_MEMBERS:,} members"
        raise RefusedError(msg)


def _check_members(members: Iterable[zipfile.ZipInfo]) -> None:
    """Look at what the directory says of each member.

    Raises:
        RefusedError: there are too many, too much would be unpacked, or one is a trick.
    """
    expanded = packed = 0
    for count, member in enumerate(members, start=1):
        expanded += member.file_size
        packed += member.compress_size
        if count > MAX_MEMBERS:
            msg = f"its archive has more than {MAX_MEMBERS:,} members"
            raise RefusedError(msg)
        if _TRICK.search(member.orig_filename):
            msg = "its archive has a member whose path leads out of it"
            raise RefusedError(msg)
        if stat.S_ISLNK(member.external_attr >> 16):
            msg = "its archive has a link among its members"
            raise RefusedError(msg)
        if member.flag_bits & _ENCRYPTED:
            msg = "it is protected with a password"
            raise RefusedError(msg)
    too_dense = expanded > _RATIO_FROM_BYTES and expanded > packed * _MAX_RATIO
    if expanded > MAX_EXPANDED_BYTES or too_dense:
        raise RefusedError(_BOMB)
