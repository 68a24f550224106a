"""What can be wrong with an installation, made so for real, and what `tailrace doctor` says to it.

Each state is a function from an empty home to the findings of the doctor.
"""

import asyncio
import socket
import sqlite3
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, closing
from http import HTTPStatus
from pathlib import Path

import msgspec
import pytest

from tailrace.agent import ContextAgent
from tailrace.agent.home import Home
from tailrace.cli.check_server import check_server
from tailrace.cli.checks import checks, checks_of_address
from tailrace.cli.finding import Finding
from tailrace.server.serve import running
from tailrace.settings import Settings
from tailrace.stores.registry import open_stores
from tailrace.testing.fault_proxy import FaultProxy
from tailrace.testing.file_server import FileServer, Served
from tailrace.testing.made_runs import AT, accepted_run
from tailrace.testing.trimming import ended_run

State = Callable[[Path], Awaitable[list[Finding]]]
NOBODY = "http://127.0.0.1:9"


def settings(home: Path, **chosen: str | int) -> Settings:
    """The settings of `home`, where any port will do, and a model is not what it is about."""
    models = home.parent / "models"
    base = Settings(home=home, models_folder=models, port=0, llm_url=NOBODY)
    return msgspec.structs.replace(base, **chosen)


async def all_of(findings: Iterator[Finding]) -> list[Finding]:
    """The findings, made beside the event loop that serves what they look at."""
    return await asyncio.to_thread(list, findings)


@asynccontextmanager
async def serving(home: Path, **chosen: str | int) -> AsyncGenerator[str, None]:
    """A server on `home`, announced there as `tailrace serve` does."""
    async with ContextAgent.open(settings(home, **chosen)) as agent, running(agent) as url:
        agent.home.announce(url)
        yield url


async def new_home(home: Path) -> list[Finding]:
    """Nothing is there yet."""
    return await all_of(checks(settings(home, llm_url=""), deep=False))


async def served_home(home: Path) -> list[Finding]:
    """A server is at work, without documents."""
    async with serving(home):
        return await all_of(checks(settings(home), deep=False))


async def served_with_documents(home: Path) -> list[Finding]:
    """A server that is known by another name as well, and has a document."""
    chosen = settings(home, allowed_hosts="ask.example.org")
    async with ContextAgent.open(chosen) as agent, running(agent) as url:
        agent.home.announce(url)
        await agent.parts.ingest.add_text("plan.md", "The budget is 40,000 euros.")
        return await all_of(checks(chosen, deep=False))


async def silent_server(home: Path) -> list[Finding]:
    """The server that has the home does not answer."""
    home_of_it = Home.lock(home)
    home_of_it.announce(NOBODY)
    try:
        return await all_of(checks(settings(home), deep=False))
    finally:
        home_of_it.unlock()


async def another_command(home: Path) -> list[Finding]:
    """A command that serves nothing has the home."""
    home_of_it = Home.lock(home)
    try:
        return await all_of(checks(settings(home), deep=False))
    finally:
        home_of_it.unlock()


async def taken_port(home: Path) -> list[Finding]:
    """Something else listens where the server would."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = int(taken.getsockname()[1])
        return await all_of(checks(settings(home, port=port), deep=False))


async def open_to_all(home: Path) -> list[Finding]:
    """The server would bind to every address, and ask for no key."""
    return await all_of(checks(settings(home, host="0.0.0.0"), deep=False))  # noqa: S104 - looked at, not bound for long


def _write(path: Path, text: str) -> None:
    path.parent.mkdir()
    path.write_text(text)


async def damaged_database(home: Path) -> list[Finding]:
    """The database is no database."""
    _write(home / "tailrace.db", "no database at all" * 500)
    return await all_of(checks(settings(home), deep=False))


async def spoilt_event(home: Path) -> list[Finding]:
    """A byte of an answered run's event is not what was written."""
    return await _spoilt(
        home, "UPDATE events SET data = CAST(replace(data, 'plan', 'plum') AS BLOB)"
    )


async def spoilt_events(home: Path) -> list[Finding]:
    """Several events are, of runs that have ended and of one that has not."""
    return await _spoilt(home, "UPDATE events SET checksum = 1")


async def spoilt_answer(home: Path) -> list[Finding]:
    """The answer itself is not what was written."""
    return await _spoilt(home, "UPDATE messages SET content = 'x' WHERE role = 'assistant'")


async def spoilt_snapshot(home: Path) -> list[Finding]:
    """What is kept of a run is not what was written."""
    return await _spoilt(home, "UPDATE snapshots SET checksum = 1")


async def loose_rows(home: Path) -> list[Finding]:
    """What a run consists of is there, and the run is not."""
    return await _spoilt(home, "DELETE FROM runs")


async def _spoilt(home: Path, sql: str) -> list[Finding]:
    store, _ = await open_stores(settings(home))
    conversation = await store.create_conversation("", "home", {}, AT)
    await ended_run(store, ["The plan."], conversation_id=conversation.id)
    await ended_run(store, ["A plan in no conversation."])
    await accepted_run(store)
    await store.aclose()
    with closing(sqlite3.connect(home / "tailrace.db")) as connection, connection:
        connection.execute(sql)
    return await all_of(checks(settings(home), deep=False))


async def broken_runtime(home: Path) -> list[Finding]:
    """The package that runs models does not load."""
    _write(home.parent / "broken" / "xllamacpp.py", "raise ImportError")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(home.parent / "broken"))
        return await all_of(checks(settings(home, llm_url=""), deep=False))


async def silent_endpoint(home: Path) -> list[Finding]:
    """Nothing answers at the model's endpoint."""
    return await all_of(checks(settings(home, llm_url=NOBODY), deep=False))


async def endpoint_refuses_the_key(home: Path) -> list[Finding]:
    """The model's endpoint knows another key."""
    return await _endpoint(home, Served(b"{}", status=HTTPStatus.UNAUTHORIZED))


async def endpoint_at_another_path(home: Path) -> list[Finding]:
    """The URL has a path where nothing is."""
    return await _endpoint(home, None)


async def endpoint_without_the_model(home: Path) -> list[Finding]:
    """The endpoint has other models than the one that is named."""
    return await _endpoint(home, Served(b'{"data": [{"id": "qwen3:8b"}]}'), "llama3")


async def endpoint_that_answers(home: Path) -> list[Finding]:
    """The endpoint has the model."""
    return await _endpoint(home, Served(b'{"data": [{"id": "qwen3:8b"}]}'), "qwen3:8b")


async def _endpoint(home: Path, listing: Served | None, model: str = "") -> list[Finding]:
    async with FileServer() as server:
        if listing is not None:
            server.files["/v1/models"] = listing
        chosen = settings(home, llm_url=server.url, llm_model=model)
        return await all_of(checks(chosen, deep=False))


async def nobody_at_the_address(home: Path) -> list[Finding]:
    """Nothing answers at the address that is asked about."""
    return await all_of(checks_of_address(settings(home), NOBODY))


async def something_else_at_the_address(home: Path) -> list[Finding]:
    """Another server answers there."""
    async with FileServer() as server:
        return await all_of(checks_of_address(settings(home), server.url))


async def unknown_name(home: Path) -> list[Finding]:
    """The server is asked under a name it is not known by; 127.1 is a way to write 127.0.0.1."""
    async with serving(home) as url:
        name = url.replace("127.0.0.1", "127.1")
        return await all_of(checks_of_address(settings(home), name))


async def without_a_key(home: Path) -> list[Finding]:
    """The server asks for a key, and the doctor has none."""
    async with serving(home, api_keys="secret") as url:
        return await all_of(checks_of_address(settings(home), url))


async def buffering_proxy(home: Path) -> list[Finding]:
    """What stands between holds the events back."""
    async with serving(home) as url, FaultProxy(url) as proxy:
        findings = check_server(proxy.url, "", if_silent="", timeout_s=2.0)
        server = await asyncio.to_thread(next, findings)
        proxy.hold()
        return [server, *await all_of(findings)]


STATES: tuple[State, ...] = (
    new_home,
    served_home,
    served_with_documents,
    silent_server,
    another_command,
    taken_port,
    open_to_all,
    damaged_database,
    spoilt_event,
    spoilt_events,
    spoilt_answer,
    spoilt_snapshot,
    loose_rows,
    broken_runtime,
    silent_endpoint,
    endpoint_refuses_the_key,
    endpoint_at_another_path,
    endpoint_without_the_model,
    endpoint_that_answers,
    nobody_at_the_address,
    something_else_at_the_address,
    unknown_name,
    without_a_key,
    buffering_proxy,
)
