"""Floor 2: ParserPool, what reads files and bytes for an ingest, away from the event loop.

Rule 1: whoever made it closes it; nothing is started before something has to be read.
"""

import asyncio
from collections.abc import Sequence

from tailrace.context.read import Reading, SameBytes, read_bytes, read_path
from tailrace.context.walk import FoundFile
from tailrace.stores.documents import DocumentOrigin


class ParserPool:
    """Reads documents; one for a home."""

    def __init__(self, *, max_document_bytes: int) -> None:
        self._max_bytes = max_document_bytes

    async def read_paths(
        self, owner: str, files: Sequence[FoundFile], known_sha256: Sequence[str]
    ) -> list[Reading | SameBytes]:
        """What is in each of `files`; SameBytes where its hash is the known one."""
        return await asyncio.to_thread(
            lambda: [
                read_path(owner, file, sha256, self._max_bytes)
                for file, sha256 in zip(files, known_sha256, strict=True)
            ]
        )

    async def read_bytes(
        self, owner: str, file: FoundFile, data: bytes, origin: DocumentOrigin
    ) -> Reading:
        """What is in `data`, which is called `file.source`."""
        return await asyncio.to_thread(read_bytes, owner, file, data, origin)

    async def aclose(self) -> None:
        """Stop what was started, and return when it is gone."""
