"""Floor 7: exporting, writes everything of one owner to a folder, out of a copy of the home.

Rule 1: the copy is of one moment, and whoever is at work on the home is not disturbed.
Rule 2: a name in the folder never comes from a title alone, and the index is written last.
"""

import shutil
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Final

import msgspec

from tailrace._clock import SYSTEM_CLOCK
from tailrace.cli.export_pages import (
    Counts,
    conversation_page,
    file_name,
    index_page,
    settings_shown,
)
from tailrace.errors import ConflictError, CorruptLogError, StoreError
from tailrace.events.logged import LoggedEvent
from tailrace.settings import Settings
from tailrace.stores.base import RunRow, Store
from tailrace.stores.documents import DocumentRow, DocumentStore
from tailrace.stores.registry import copy_store, open_stores

_PAGE: Final = 200
_COPY: Final = ".copy"
_TEXT_NAMES: Final = (".md", ".txt")


async def export(settings: Settings, folder: Path, owner: str) -> Counts:
    """Write everything of `owner` in `settings.home` to `folder`, which is new or empty.

    Raises:
        ConflictError: there is something in the folder.
        NotFoundError: there is no home yet.
        StoreError: the home cannot be read, or the folder cannot be written.
    """
    try:
        return await _Export(settings, folder, owner).run()
    except OSError as exc:
        msg = f"{folder} cannot be written: {exc.strerror or type(exc).__name__}"
        raise StoreError(msg) from exc


class _Export:
    def __init__(self, settings: Settings, folder: Path, owner: str) -> None:
        self._settings = settings
        self._folder = folder
        self._owner = owner
        self._counts = Counts()
        self._pages: list[tuple[str, str]] = []

    async def run(self) -> Counts:
        copy = self._make_folders()
        try:
            copy_store(self._settings.home, copy)
            store, documents = await open_stores(Settings(home=copy.parent, synchronous="NORMAL"))
            try:
                await self._runs(store)
                for status in ("active", "deleted"):
                    await self._conversations(store, status)
                await self._documents(documents)
            finally:
                await store.aclose()
        finally:
            shutil.rmtree(copy.parent)
        self._write_json("settings.json", settings_shown(self._settings))
        at, made_by = SYSTEM_CLOCK.now(), version("tailrace")
        index = index_page(at, made_by, self._owner, self._counts, self._pages)
        self._write("README.md", index)
        return self._counts

    def _make_folders(self) -> Path:
        """Where the copy of the home goes.

        Raises:
            ConflictError: there is something in the folder.
        """
        if self._folder.exists() and (not self._folder.is_dir() or any(self._folder.iterdir())):
            msg = f"there is something at {self._folder} already; name a new folder"
            raise ConflictError(msg)
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name in (_COPY, "conversations", "runs", "documents"):
            (self._folder / name).mkdir(mode=0o700)
        return self._folder / _COPY / "tailrace.db"

    async def _runs(self, store: Store) -> None:
        before: str | None = None
        while page := await store.list_runs(self._owner, _PAGE, before):
            for run in page:
                await self._run(store, run)
            before = page[-1].run_id

    async def _run(self, store: Store, run: RunRow) -> None:
        self._counts.runs += 1
        self._write_json(f"runs/{run.run_id}.json", run)
        seq, first = run.trimmed_seq, await self._instead_of_trimmed(store, run)
        with (self._folder / "runs" / f"{run.run_id}.jsonl").open("wb") as file:
            file.writelines(_lines(first))
            try:
                while events := await store.read(run.run_id, seq, _PAGE):
                    file.writelines(_lines(events))
                    self._counts.events += len(events)
                    seq = events[-1].seq
            except CorruptLogError:
                self._counts.damaged.append(run.run_id)

    async def _instead_of_trimmed(self, store: Store, run: RunRow) -> list[LoggedEvent]:
        if not run.trimmed_seq:
            return []
        try:
            snapshot = await store.snapshot(run.run_id)
        except CorruptLogError:
            self._counts.damaged.append(run.run_id)
            return []
        return [] if snapshot is None else [snapshot]

    async def _conversations(self, store: Store, status: str) -> None:
        offset = 0
        while True:
            page, _ = await store.list_conversations(self._owner, _PAGE, offset, None, status)
            for conversation in page:
                self._counts.conversations += 1
                messages = await store.list_messages(conversation.id, self._owner)
                title = conversation.title or f"Conversation {conversation.id}"
                if status == "deleted":
                    title += " (deleted)"
                name = file_name(conversation.id, conversation.title or "", ".md")
                self._write(f"conversations/{name}", conversation_page(conversation, messages))
                self._write_json(
                    f"conversations/{name.removesuffix('.md')}.json",
                    {"conversation": conversation, "messages": messages},
                )
                self._pages.append((title, name))
            if len(page) < _PAGE:
                return
            offset += _PAGE

    async def _documents(self, documents: DocumentStore) -> None:
        index: list[dict[str, object]] = []
        total = 1
        while len(index) < total:
            page, total = await documents.list_documents(
                self._owner, limit=_PAGE, offset=len(index)
            )
            if not page:
                break
            for row in page:
                name = _document_name(row)
                self._write(f"documents/{name}", await documents.text(row.id, self._owner))
                index.append({"file": name, "document": row})
        self._counts.documents = len(index)
        self._write_json("documents/index.json", index)

    def _write_json(self, name: str, value: object) -> None:
        data = msgspec.json.format(msgspec.json.encode(value), indent=2)
        (self._folder / name).write_bytes(data + b"\n")

    def _write(self, name: str, text: str) -> None:
        (self._folder / name).write_bytes(text.encode())


def _lines(events: Iterable[LoggedEvent]) -> list[bytes]:
    return [logged.data + b"\n" for logged in events]


def _document_name(row: DocumentRow) -> str:
    base = row.source.rpartition("/")[2]
    suffix = next((each for each in _TEXT_NAMES if base.lower().endswith(each)), ".txt")
    return file_name(row.id, base.removesuffix(suffix), suffix)
