"""Floor 1: what a store of documents promises: their text, their passages, and how to find them.

Rule 1: a reader sees the whole of a document's newest revision, or the whole of the one before.
Rule 2: `text[chunk.char_start:chunk.char_end] == chunk.text`, in Unicode code points.
Rule 3: everything has an owner ("" where there is one person only); nobody finds another's.
Rule 4: a replaced text stays as it was, bounded in number and bytes; it is shown, not searched.
Rule 5: a term is a word, or several that stand next to one another; it is never query syntax.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

import msgspec


class DocumentStatus(StrEnum):
    """Whether a document can be found; the reason why not stands beside it."""

    SEARCHABLE = "searchable"
    FAILED = "failed"
    SKIPPED = "skipped"


class DocumentOrigin(StrEnum):
    """How a document came here.

    Only one from a FOLDER is looked for on the disk again; a VAULT is written here; one from the
    WEB has its address as its source; a CONVERSATION is what was said in one, searched as
    documents are, and listed only where it is asked for.
    """

    FOLDER = "folder"
    UPLOAD = "upload"
    SAMPLE = "sample"
    VAULT = "vault"
    WEB = "web"
    CONVERSATION = "conversation"


class NewChunk(msgspec.Struct, frozen=True, kw_only=True):
    """A passage of a document's text.

    Attributes:
        heading: The path of headings it stands under: `Boiler > Faults > E4`.
        page: The page it starts on, from 1; None where the document has no pages.
    """

    heading: str
    char_start: int
    char_end: int
    text: str
    page: int | None = None


class NewDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A document as it was read.

    Attributes:
        source: Its absolute path with forward slashes, the name it was uploaded under, or a name
            of our making where it is written here.
        kind: What it was read as: `markdown`, `code` …; "" where it was not read.
        mtime_ns: When its file was changed; None without a file.
        sha256: The hash of its bytes; "" where they were not read.
        text: All of it, as it is searched and shown; "" unless it is searchable.
        reason: Why it is not searchable, for people; "" where it is.
        summary: What its author says it is about; "" where nothing was said.
        tags: The author's words to find it by, as they were written.
        document_type: What its author calls it: `Note` …; "" where it was not written here.
    """

    owner: str
    source: str
    title: str
    kind: str
    size_bytes: int
    mtime_ns: int | None
    sha256: str
    text: str
    status: DocumentStatus = DocumentStatus.SEARCHABLE
    reason: str = ""
    origin: DocumentOrigin
    summary: str = ""
    tags: str = ""
    document_type: str = ""


class DocumentRow(msgspec.Struct, frozen=True, kw_only=True):
    """A document as the store has it, but for its text.

    Attributes:
        revision: 1, and one more each time its text was replaced.
        char_count: How many code points its text has.
        chunk_count: How many passages it has.
    """

    id: int
    owner: str
    source: str
    title: str
    kind: str
    size_bytes: int
    mtime_ns: int | None
    sha256: str
    revision: int
    status: DocumentStatus
    reason: str
    origin: DocumentOrigin
    summary: str
    tags: str
    document_type: str
    char_count: int
    chunk_count: int
    created_at: datetime
    updated_at: datetime


class DocumentCounts(msgspec.Struct, frozen=True, kw_only=True):
    """How many documents there are of each status, conversations left out.

    Attributes:
        embedded: Those searchable ones of which every passage has its vector.
        pieces: Passages in all.
    """

    searchable: int = 0
    embedded: int = 0
    skipped: int = 0
    failed: int = 0
    pieces: int = 0


class Signature(msgspec.Struct, frozen=True):
    """What tells whether a file changed since it was read."""

    document_id: int
    source: str
    size_bytes: int
    mtime_ns: int | None
    sha256: str
    status: DocumentStatus
    reason: str


class Touch(msgspec.Struct, frozen=True):
    """A file whose date changed and whose bytes did not."""

    document_id: int
    mtime_ns: int


class Move(msgspec.Struct, frozen=True):
    """A file that has another name, or another folder, and the bytes it had."""

    document_id: int
    source: str
    mtime_ns: int


class Within(msgspec.Struct, frozen=True, kw_only=True):
    """Which documents a search is held to; None: it is not held to any in this way.

    Attributes:
        document_ids: These alone.
        origins: What came here in one of these ways; None: in any but conversations.
        kinds: What was read as one of these.
        changed_after: Files that were changed at or after this moment; what is no file, put then.
        changed_before: The same, before this moment.
    """

    document_ids: tuple[int, ...] | None = None
    origins: tuple[DocumentOrigin, ...] | None = None
    kinds: tuple[str, ...] | None = None
    changed_after: datetime | None = None
    changed_before: datetime | None = None


EVERYWHERE: Final = Within()


class Leg(StrEnum):
    """A way to look for terms: as WORDS in whatever form, or as PARTS of words.

    UNKNOWN is as PARTS, for those terms alone that no passage has as a word: where it has, looking
    for its parts finds nothing better, and worse beside it.
    """

    WORDS = "words"
    PARTS = "parts"
    UNKNOWN = "unknown"


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """A passage that was found; `score` is higher for a better one, within one search.

    For words it is BM25 as a share of what it would be if a passage of average length had each
    term once: about 1.0 where all of them are there.
    """

    chunk_id: int
    document_id: int
    revision: int
    ordinal: int
    title: str
    source: str
    heading: str
    char_start: int
    char_end: int
    text: str
    page: int | None
    kind: str
    origin: DocumentOrigin
    score: float


class TermStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """How common terms are, and where they stand, compared the way the search compares.

    Attributes:
        chunk_count: All passages of the owner.
        frequency: Per term, how many of them have it.
        found_in: Per term, which of the passages that were asked about have it.
    """

    chunk_count: int
    frequency: Mapping[str, int]
    found_in: Mapping[str, frozenset[int]]


class DocumentStore(Protocol):
    """Keeps documents and finds passages in them."""

    async def put(
        self,
        document: NewDocument,
        chunks: Sequence[NewChunk],
        at: datetime,
        *,
        only_next: bool = False,
    ) -> DocumentRow:
        """Keep `document`; one of the same owner and source gets it as its next revision.

        Raises:
            NotFoundError: `only_next`, and there is none of that owner and source.
        """
        ...

    async def touch(self, owner: str, touches: Sequence[Touch]) -> None:
        """Remember the files' new dates; unknown documents are passed over."""
        ...

    async def move(self, owner: str, moves: Sequence[Move]) -> None:
        """Remember where files are by now; a title that was the file's name follows.

        The documents keep their ids, revisions and passages; unknown ones are passed over.
        """
        ...

    async def get(self, document_id: int, owner: str) -> DocumentRow:
        """The document.

        Raises:
            NotFoundError: there is none, or it is somebody else's.
        """
        ...

    async def find(self, owner: str, source: str) -> DocumentRow | None:
        """The owner's document of that source; None where there is none."""
        ...

    async def list_documents(
        self,
        owner: str,
        *,
        limit: int,
        offset: int,
        status: DocumentStatus | None = None,
        embedded_by: str | None = None,
        origin: DocumentOrigin | None = None,
        newest_first: bool = False,
    ) -> tuple[list[DocumentRow], int]:
        """A page in the order they came, or the other way round, and how many there are in all.

        Conversations are left out, unless their origin is asked for. `embedded_by`: only those
        searchable ones of which every passage has a vector of that model.
        """
        ...

    async def counts(self, owner: str, model: str = "") -> DocumentCounts:
        """How many documents there are of each status, and have all their vectors of `model`."""
        ...

    async def embedded(self, owner: str, ids: Sequence[int], model: str) -> frozenset[int]:
        """Those of the searchable documents `ids` of which every passage has its vector."""
        ...

    async def text(
        self, document_id: int, owner: str, start: int = 0, end: int | None = None
    ) -> str:
        """Code points `start` to `end` of the document's text; what lies outside is left out.

        Raises:
            NotFoundError: there is no such document, or it is somebody else's.
        """
        ...

    async def excerpt(
        self, document_id: int, owner: str, start: int, end: int, revision: int | None = None
    ) -> tuple[DocumentRow, str]:
        """As `text`, with the document it is of; both are of one revision, the newest by default.

        Raises:
            NotFoundError: there is no such document, or it is somebody else's, or it has never
                had such a revision.
            RevisionTrimmedError: that revision is not kept any more.
        """
        ...

    async def delete(self, document_id: int, owner: str, *, exclude: bool = False) -> None:
        """Remove the document; `exclude`: and remember that its source is not wanted.

        Raises:
            NotFoundError: there is none, or it is somebody else's.
        """
        ...

    def on_put(self, call: Callable[[], None]) -> None:
        """Call `call` after each `put` from now on; it must be quick."""
        ...

    async def search(
        self,
        owner: str,
        terms: Sequence[str],
        *,
        limit: int,
        within: Within = EVERYWHERE,
        leg: Leg = Leg.WORDS,
    ) -> list[Hit]:
        """The `limit` best passages that have one of `terms`.

        Terms that stand nearly everywhere may be left out where there are others.
        """
        ...

    async def neighbours(
        self, document_id: int, revision: int, owner: str, start: int, end: int, *, count: int
    ) -> list[Hit]:
        """Up to `count` passages before code point `start` and as many from `end` on, in order.

        None where that is not the newest revision of a document of the owner.
        """
        ...

    async def term_statistics(
        self, owner: str, terms: Sequence[str], chunk_ids: Sequence[int]
    ) -> TermStatistics:
        """How common `terms` are, and which of those passages have them."""
        ...

    async def add_folder(self, owner: str, path: str, at: datetime) -> None:
        """Remember a folder, or one file, to be read again; what it excluded is wanted again."""
        ...

    async def owners_of_folders(self) -> list[str]:
        """Whoever has added a folder or a file."""
        ...

    async def folders(self, owner: str) -> list[str]:
        """The folders and files that were added, in the order of their paths."""
        ...

    async def forget_folder(self, owner: str, path: str) -> int:
        """Forget it and remove its documents, but for those of another folder; how many."""
        ...

    async def signatures(self, owner: str, path: str) -> list[Signature]:
        """The documents at or below `path`."""
        ...

    async def exclusions(self, owner: str, path: str) -> frozenset[str]:
        """The sources at or below `path` that were removed and are not wanted again."""
        ...

    async def samples_settled(self, owner: str) -> bool:
        """Whether it is settled that this owner has had sample documents, or needs none."""
        ...

    async def settle_samples(self, owner: str, at: datetime) -> None:
        """Settle that; it is never unsettled."""
        ...

    async def sweep(self) -> int:
        """Remove what a killed process left half written; how many texts that were."""
        ...
