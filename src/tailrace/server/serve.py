"""Floor 6: serve, the server as a process: a home, a socket, a graceful end.

Rule 1: it stops in order: runs are left to the next start, and their streams broken off, so that
    viewers come back; then connections end.
Rule 2: the first signal asks for that; a second one is not caught.
"""

import asyncio
import errno
import gc
import ipaddress
import logging
import os
import signal
import socket
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import aclosing, asynccontextmanager, contextmanager, suppress
from typing import Final, final

import msgspec
import uvicorn

from tailrace.agent import ContextAgent
from tailrace.agent.model_setup import ModelSetup, Pull
from tailrace.errors import ConflictError, InvalidRequestError, NotFoundError, TailraceError
from tailrace.llm.catalogue import DEFAULT_MODEL
from tailrace.server.app import create_app
from tailrace.server.connection import ConnectionLimits, connection_class
from tailrace.server.operating_system import missing_files, notice_the_dead
from tailrace.settings import Settings
from tailrace.workflow.engine import WorkflowEngine

try:
    from uvloop import new_event_loop
except ImportError:  # pragma: no cover - where uvloop does not run
    new_event_loop = asyncio.new_event_loop

_log = logging.getLogger(__name__)

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_GRACE_S: Final = 5
_CATCH_UP_S: Final = 1.0
"""How long the greeting waits, so that it can say how many documents there are."""
_BACKLOG: Final = 2048

__all__ = ["new_event_loop", "run", "running", "serve"]


async def serve(
    settings: Settings,
    *,
    engine: WorkflowEngine | None = None,
    pull_model: bool = False,
    on_ready: Callable[[str], None] | None = None,
    on_pull: Callable[[Pull], None] | None = None,
) -> None:
    """Serve the home of `settings` until SIGINT or SIGTERM; run it on `new_event_loop`.

    Args:
        settings: What to serve, and where.
        engine: Instead of the one with our own nodes.
        pull_model: Fetch the model that is named, else the default one, where there is none; the
            caller has shown what that is.
        on_ready: Told the URL once requests are taken.
        on_pull: Told how far a model is that is being fetched, whoever asked for it.

    Raises:
        HomeLockedError: another process has this home.
        ConflictError: the port is taken.
        InvalidRequestError: a setting cannot be used.
        StoreError: the home cannot be used.
    """
    stop = asyncio.Event()
    with _stopped_by_signals(stop):
        async with ContextAgent.open(settings, engine=engine) as agent, running(agent) as url:
            agent.home.announce(url)
            _warn_if_exposed(settings)
            async with asyncio.TaskGroup() as tasks:
                meanwhile: list[asyncio.Task[object]] = [tasks.create_task(_catch_up(agent))]
                await asyncio.wait(meanwhile, timeout=_CATCH_UP_S)
                agent.watching.start()
                # what there is by now stays: looking for garbage in it stops every stream for a
                # tenth of a second
                gc.freeze()
                if on_ready is not None:
                    on_ready(url)
                if on_pull is not None:
                    meanwhile.append(tasks.create_task(_tell_pulls(agent.model_setup, on_pull)))
                if agent.parts.llm.info is None:  # so that the page need not wait for the offer
                    meanwhile.append(tasks.create_task(agent.model_setup.state()))
                if pull_model:
                    _pull(agent)
                await stop.wait()
                for task in meanwhile:
                    task.cancel()


def run(
    settings: Settings,
    *,
    engine: WorkflowEngine | None = None,
    pull_model: bool = False,
    on_ready: Callable[[str], None] | None = None,
    on_pull: Callable[[Pull], None] | None = None,
) -> None:
    """`serve` on an event loop of its own, the fastest there is; returns once it has stopped.

    Raises:
        TailraceError: as `serve`.
    """
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(
            serve(
                settings,
                engine=engine,
                pull_model=pull_model,
                on_ready=on_ready,
                on_pull=on_pull,
            )
        )


@asynccontextmanager
async def running(agent: ContextAgent) -> AsyncGenerator[str, None]:
    """Serve `agent` at its settings' host and port; gives the URL, and stops when left.

    Raises:
        ConflictError: the port is taken.
        InvalidRequestError: the host or the port cannot be used.
    """
    settings = agent.parts.settings
    limits = ConnectionLimits.of(settings)
    possible = limits.max_connections - missing_files(limits.max_files)
    limits = msgspec.structs.replace(limits, max_connections=max(1, possible))
    config = uvicorn.Config(
        create_app(agent),
        http=connection_class(limits),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_S,
    )
    listener = _listen(settings.host, settings.port)
    notice_the_dead(listener, settings.viewer_write_timeout_s)
    url = _url(settings.host, listener.getsockname()[1])
    server = _Server(config)
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(server.serve(sockets=[listener]))
        await server.ready.wait()
        try:
            yield url
        finally:
            await agent.shut_down()
            server.stop()
            await asyncio.wait([serving])
            server.drop_connections()


@final
class _Server(uvicorn.Server):
    """uvicorn, told when to stop by us; it leaves signals alone."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()
        self._stop = asyncio.Event()

    def stop(self) -> None:
        """Take no more requests, and end."""
        self.should_exit = True
        self._stop.set()

    async def main_loop(self) -> None:
        """Keep the date in the answers' headers right, until it stops."""
        while not await self.on_tick(0):
            with suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await self._stop.wait()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Take requests."""
        await super().startup(sockets)
        self.ready.set()

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Nothing: `serve` has the signals."""
        yield

    def drop_connections(self) -> None:
        """End what is still open, such as a client that takes nothing."""
        for connection in list(self.server_state.connections):
            connection.transport.abort()


@contextmanager
def _stopped_by_signals(stop: asyncio.Event) -> Generator[None, None, None]:
    loop = asyncio.get_running_loop()

    def asked() -> None:
        stop.set()
        release()

    def release() -> None:
        for each in _SIGNALS:
            loop.remove_signal_handler(each)

    try:
        for each in _SIGNALS:
            loop.add_signal_handler(each, asked)
    except NotImplementedError:  # Windows: Ctrl-C cancels the main task, which stops in order too
        yield
        return
    try:
        yield
    finally:
        release()


async def _catch_up(agent: ContextAgent) -> None:
    try:
        await agent.catch_up()
    except TailraceError as error:
        _log.warning("the documents could not be brought up to date: %s", error.message)


def _pull(agent: ContextAgent) -> None:
    if agent.parts.llm.info is not None:
        return
    try:
        agent.model_setup.start(agent.parts.settings.llm_model or DEFAULT_MODEL)
    except NotFoundError as error:
        _log.warning("no model was fetched: %s", error.message)


async def _tell_pulls(setup: ModelSetup, on_pull: Callable[[Pull], None]) -> None:
    async with aclosing(setup.changes()) as changes:
        async for _ in changes:
            if setup.pull is not None:
                on_pull(setup.pull)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
        listener.settimeout(0)
    except (OSError, OverflowError) as exc:
        listener.close()
        if isinstance(exc, OSError) and exc.errno == errno.EADDRINUSE:
            msg = f"{host}:{port} is in use already; stop what uses it, or choose another --port"
            raise ConflictError(msg) from exc
        msg = f"cannot listen on {host}:{port}; choose a --host of this machine and another --port"
        raise InvalidRequestError(msg) from exc
    return listener


def _url(host: str, port: int) -> str:
    name = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104 - the wildcard is looked up, not bound
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def _warn_if_exposed(settings: Settings) -> None:
    if settings.api_keys or settings.host == "localhost":
        return
    try:
        loopback = ipaddress.ip_address(settings.host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        _log.warning(
            "whoever reaches %s can read every document here; set TAILRACE_API_KEYS", settings.host
        )
