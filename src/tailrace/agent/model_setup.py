"""Floor 5: ModelSetup, how a home comes by its model: what there is, and the pull under way.

Rule 1: nothing is fetched but by `start`, which is called where a person has asked for it.
Rule 2: one pull at a time; it belongs to this object, never to the request that asked for it.
Rule 3: a watcher waits without polling and is told at most ten times a second; a slow one misses
    what was in between, never the newest.
Rule 4: a pull that stops, however it does, says so, and what came stays for the next one.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from enum import StrEnum
from typing import Final

import msgspec

from tailrace.errors import ConflictError, ErrorCode, StoreError, TailraceError
from tailrace.llm.base import LLMClient, ModelInfo
from tailrace.llm.catalogue import DEFAULT_MODEL, CatalogueEntry
from tailrace.llm.library import InstalledModel, ModelLibrary
from tailrace.llm.machine import runtime_is_installed
from tailrace.llm.package_index import host_of
from tailrace.settings import Settings

_log = logging.getLogger(__name__)

_TOLD_EVERY_S: Final = 0.1
_UNFORESEEN: Final = "something unforeseen stopped it; the server's log has more. Pull again"


class PullState(StrEnum):
    """How far a pull is."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class PullFailure(msgspec.Struct, frozen=True):
    """Why a pull failed, and what to do."""

    code: ErrorCode
    message: str


class Pull(msgspec.Struct, frozen=True, kw_only=True):
    """One fetch of a model, as it stands.

    Attributes:
        done_bytes: How much of the model is here.
        source: Where it comes from; "" before the first byte, and while another process fetches it.
        error: Why it failed; None where it did not.
    """

    name: str
    state: PullState = PullState.RUNNING
    done_bytes: int
    total_bytes: int
    source: str = ""
    error: PullFailure | None = None


class Offer(msgspec.Struct, frozen=True):
    """A model that can be fetched, the hosts it would come from, and whether it is here."""

    entry: CatalogueEntry
    hosts: Sequence[str]
    installed: bool


class SetupState(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to answer with, and what could be had.

    Attributes:
        answering: The model that answers; None where none does.
        endpoint: The host that `Settings.llm_url` names; None where it names none.
        runtime: Whether models can run on this machine.
        recommended: The name of the offer for whoever has no wish of their own.
        pull: The pull under way, or else the newest since the start; None before the first.
    """

    answering: ModelInfo | None
    endpoint: str | None
    runtime: bool
    recommended: str
    offers: Sequence[Offer]
    pull: Pull | None


class ModelSetup:
    """What a home has to answer with, and the way to more."""

    def __init__(self, library: ModelLibrary, llm: LLMClient, settings: Settings) -> None:
        self._library = library
        self._llm = llm
        self._endpoint = host_of(settings.llm_url.strip()) if settings.llm_url else None
        wanted = "" if settings.llm_url else settings.llm_model
        self._recommended = wanted if wanted in library.catalogue else DEFAULT_MODEL
        self._hosts: Mapping[str, Sequence[str]] | None = None
        self._asking_hosts = asyncio.Lock()
        self._pull: Pull | None = None
        self._task: asyncio.Task[InstalledModel] | None = None
        self._changed = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    @property
    def pull(self) -> Pull | None:
        """The pull under way, or else the newest; None before the first."""
        return self._pull

    async def state(self) -> SetupState:
        """Everything, as it stands; the first time, the installer is asked, which takes seconds."""
        hosts = await self._source_hosts()
        offers = [
            Offer(entry, hosts[name], self._library.find(name) is not None)
            for name, entry in self._library.catalogue.items()
        ]
        return SetupState(
            answering=self._llm.info,
            endpoint=self._endpoint,
            runtime=runtime_is_installed(),
            recommended=self._recommended,
            offers=offers,
            pull=self._pull,
        )

    async def changes(self) -> AsyncGenerator[None, None]:
        """Yields at once, and after each change; ends when this is closed."""
        while not self._closed:
            changed = self._changed  # taken before the yield: a change meanwhile sets this one
            yield
            await changed.wait()

    def start(self, name: str) -> Pull:
        """Begin to fetch the model `name`, with consent; where it is being fetched, go on.

        Raises:
            NotFoundError: there is no such model.
            ConflictError: another one is being fetched.
            StoreError: the server is stopping.
        """
        entry = self._library.entry(name)
        if self._closed:
            msg = "the server is stopping; try again in a moment"
            raise StoreError(msg, retryable=True)
        if self._pull is not None and self._pull.state is PullState.RUNNING:
            if self._pull.name == name:
                return self._pull
            msg = f"{self._pull.name!r} is being fetched; wait for it, or cancel that first"
            raise ConflictError(msg)
        begun = self._library.begun_bytes(name)
        self._pull = pull = Pull(name=name, done_bytes=begun, total_bytes=entry.size_bytes)
        self._task = asyncio.create_task(
            self._library.pull(name, progress=self._note), name=f"pull {name}"
        )
        self._task.add_done_callback(self._end)
        _log.info("fetching the model %s", name)
        self._publish()
        return pull

    async def cancel(self) -> None:
        """End the pull under way, if there is one; what came stays for the next one."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task])

    async def aclose(self) -> None:
        """End the pull and every watch; safe to call twice."""
        self._closed = True
        await self.cancel()
        self._publish()

    async def _source_hosts(self) -> Mapping[str, Sequence[str]]:
        async with self._asking_hosts:
            if self._hosts is None:
                self._hosts = await self._library.source_hosts()
        return self._hosts

    def _note(self, done_bytes: int, total_bytes: int, source: str) -> None:
        if self._pull is None:
            return
        self._pull = msgspec.structs.replace(
            self._pull, done_bytes=done_bytes, total_bytes=total_bytes, source=source
        )
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(_TOLD_EVERY_S, self._publish)

    def _end(self, task: "asyncio.Task[InstalledModel]") -> None:
        """Say how the pull ended; the one place that knows."""
        pull = self._pull
        if pull is None:
            return
        error = None if task.cancelled() else task.exception()
        if task.cancelled():
            pull = msgspec.structs.replace(pull, state=PullState.CANCELLED)
            _log.info("the model %s is fetched no further; what came is kept", pull.name)
        elif error is not None:
            failure = _failure(error)
            pull = msgspec.structs.replace(pull, state=PullState.FAILED, error=failure)
            unforeseen = None if isinstance(error, TailraceError) else error
            _log.warning("no model was fetched: %s", failure.message, exc_info=unforeseen)
        else:
            size_bytes = task.result().size_bytes
            pull = msgspec.structs.replace(
                pull, state=PullState.DONE, done_bytes=size_bytes, total_bytes=size_bytes
            )
            _log.info("the model %s is here", pull.name)
        self._pull = pull
        self._publish()

    def _publish(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()


def _failure(error: BaseException) -> PullFailure:
    if isinstance(error, TailraceError):
        return PullFailure(error.code, error.message)
    return PullFailure(ErrorCode.INTERNAL, _UNFORESEEN)
