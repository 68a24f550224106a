"""What one client can take from the others: connections, streams, time. It is not much."""

import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from tailrace.server.operating_system import notice_the_dead
from tailrace.testing.model_script import Fault, Reply

if TYPE_CHECKING:
    from conftest import Serve, Serving

HALF = b"GET /healthz HTTP/1.1\r\nHost: local"
POST = (
    b"POST %b HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n"
)
STALLS = Reply(chunks=["One ", "two "], fault=Fault.stall(after=1))

Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def connected(serving: "Serving", sent: bytes = b"") -> AsyncGenerator[Line]:
    reader, writer = await asyncio.open_connection("127.0.0.1", serving.port)
    writer.write(sent)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


async def answer(line: Line) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the next answer."""
    head = (await line[0].readuntil(b"\r\n\r\n")).decode()
    first, *rest = head.strip().split("\r\n")
    headers = {name: value for name, _, value in (each.partition(": ") for each in rest)}
    body = await line[0].readexactly(int(headers.get("content-length", "0")))
    return int(first.split()[1]), headers, body


async def trickle(line: Line) -> bytes:
    """Send a byte now and then, until the server hangs up; what it said."""

    async def drip() -> None:
        while True:
            line[1].write(b" ")
            await asyncio.sleep(0.02)

    dripping = asyncio.ensure_future(drip())
    said = b""
    try:
        while piece := await line[0].read(1_000):
            said += piece
    except ConnectionError:  # it hung up on a drip
        pass
    finally:
        dripping.cancel()
    return said


async def test_five_hundred_clients_that_never_finish_their_request_stop_nobody(
    serve: "Serve",
) -> None:
    async with (
        asyncio.timeout(40),
        serve(request_header_timeout_s=2) as serving,
        AsyncExitStack() as open_,
    ):
        slow = [await open_.enter_async_context(connected(serving, HALF)) for _ in range(500)]
        run_id = await serving.start()
        assert (await serving.events(run_id))[-1].type.value == "stream_complete"
        for reader, _ in slow:
            assert (await reader.read()).startswith(b"HTTP/1.1 408 ")


async def test_a_body_in_drips_is_not_waited_for_however_often_it_drips(serve: "Serve") -> None:
    timeouts = {"request_body_timeout_s": 0.3, "request_header_timeout_s": 0.3}
    async with asyncio.timeout(20), serve(**timeouts) as serving:
        for path in (b"/api/agent/runs", b"/api/documents?name=a.md"):
            async with connected(serving, POST % (path, 100_000)) as line:
                said = await trickle(line)
            assert said.startswith(b"HTTP/1.1 408 ")
        assert await serving.stored() == (0, 0, 0)


async def test_an_upload_takes_the_time_its_bytes_take(serve: "Serve") -> None:
    async with asyncio.timeout(20), serve(request_body_timeout_s=0.3) as serving:
        text = b"a word " * 5_000
        async with connected(serving, POST % (b"/api/documents?name=a.md", 20 * len(text))) as line:
            for _ in range(20):  # 0.6 s, and 35 kB each, which are worth 0.5 s
                line[1].write(text)
                await asyncio.sleep(0.03)
            assert (await answer(line))[0] == 201


async def test_the_rest_of_a_body_that_nobody_wants_is_not_waited_for(serve: "Serve") -> None:
    async with asyncio.timeout(20), serve(request_header_timeout_s=0.3) as serving:
        async with connected(serving, POST % (b"/api/agent/nothing", 100_000)) as line:
            status, _, _ = await answer(line)
            assert (status, await trickle(line)) == (404, b"")
        rest = POST % (b"/api/agent/nothing", 3)
        async with connected(serving, rest + b"{") as line:
            assert (await answer(line))[0] == 404
            line[1].write(b" }")
            await asyncio.sleep(0.5)  # the body came after all: no deadline is left
            line[1].write(get("/healthz"))
            assert (await answer(line))[0] == 200


async def test_an_idle_connection_is_closed(serve: "Serve") -> None:
    async with (
        asyncio.timeout(20),
        serve(keep_alive_timeout_s=0.1) as serving,
        connected(serving, get("/healthz")) as line,
    ):
        assert (await answer(line))[0] == 200
        assert await line[0].read() == b""


async def test_a_client_that_takes_nothing_of_an_answer_is_dropped(serve: "Serve") -> None:
    async with (
        asyncio.timeout(30),
        serve(viewer_write_timeout_s=0.5, max_connections=2) as serving,
    ):
        conversation_id, content = await serving.converse(), "word " * 180_000
        for _ in range(8):
            made = await serving.client.post(
                "/api/agent/chat/message/none/create",
                json={"conversation_id": conversation_id, "role": "user", "content": content},
            )
            assert made.status_code == 200
        with socket.socket() as taker:
            taker.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            taker.connect(("127.0.0.1", serving.port))
            taker.sendall(get(f"/api/agent/chat/conversations/{conversation_id}/messages"))
            assert await free_again(serving) == 200
            got = 0
            with suppress(ConnectionResetError):
                while piece := taker.recv(1_000_000):
                    got += len(piece)
        assert got < 8 * len(content)


async def free_again(serving: "Serving") -> int:
    """The status of an answer on a further connection, once there is room for it."""
    status = 503
    while status == 503:
        async with connected(serving, get("/api/agent/runs")) as line:
            status, _, _ = await answer(line)
    return status


async def test_on_one_connection_too_many_only_health_is_told(serve: "Serve") -> None:
    async with asyncio.timeout(20), serve(max_connections=2) as serving, AsyncExitStack() as open_:
        run_id = await serving.start()  # the client keeps one
        first = await open_.enter_async_context(connected(serving, get("/healthz")))
        assert (await answer(first))[0] == 200
        async with connected(serving, get(f"/api/agent/runs/{run_id}")) as line:
            status, headers, body = await answer(line)
            assert (status, headers["retry-after"]) == (503, "5")
            assert json.loads(body)["code"] == "too_many_connections"
            assert await line[0].read() == b""
        async with connected(serving, get("/healthz")) as line:
            assert (await answer(line))[0] == 200
        assert (await serving.client.get(f"/api/agent/runs/{run_id}")).status_code == 200
        first[1].transport.abort()
        assert await free_again(serving) == 200


async def test_far_too_many_connections_are_closed_at_once_and_never_left_hanging(
    serve: "Serve",
) -> None:
    async with asyncio.timeout(40), serve(max_connections=1) as serving, AsyncExitStack() as open_:
        lines = [await open_.enter_async_context(connected(serving)) for _ in range(300)]
        said = [await reader.read() for reader, _ in lines[1:]]
        assert set(said) == {b"", said[-1]}  # those the application waited for said nothing
        assert said[-1].startswith(b"HTTP/1.1 503 ")
        assert b"retry-after: 5\r\n" in said[-1]


async def test_an_owner_has_so_many_streams_and_the_others_theirs(serve: "Serve") -> None:
    keys = {"ann": {"X-API-Key": "a"}, "bob": {"X-API-Key": "b"}}
    async with asyncio.timeout(20), serve(STALLS, max_streams=1, api_keys="ann:a,bob:b") as serving:
        client, start, question = serving.client, "/api/agent/chat/stream", {"query": "hello"}
        ann, bob = keys["ann"], keys["bob"]
        async with client.stream("POST", start, headers=ann, json=question) as stream:
            events = f"/api/agent/runs/{stream.headers['x-run-id']}/events"
            for refused in (
                await client.post(start, headers=ann, json=question),
                await client.get(events, headers=ann),
            ):
                assert (refused.status_code, refused.headers["retry-after"]) == (429, "5")
            assert refused.json()["code"] == "too_many_streams"
            async with client.stream("POST", start, headers=bob, json=question) as other:
                assert other.status_code == 200
            for owner in keys:
                assert len(await serving.agent.parts.store.list_runs(owner, 9, None)) == 1
        status = 429
        while status == 429:  # until the server has seen that the stream is closed
            async with client.stream("GET", events, headers=ann) as stream:
                status = stream.status_code
        assert status == 200


@pytest.mark.skipif(sys.platform != "linux", reason="the options are Linux's")
def test_a_peer_that_vanished_is_noticed_by_the_system() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        notice_the_dead(listener, 30)
        with socket.create_connection(listener.getsockname()):
            accepted, _ = listener.accept()
            with accepted:
                found = [
                    accepted.getsockopt(socket.IPPROTO_TCP, option)
                    for option in (
                        *(socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT),
                        socket.TCP_USER_TIMEOUT,
                    )
                ]
                assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    assert found == [8, 8, 3, 30_000]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such limits on Windows")
def test_a_server_takes_as_many_connections_as_its_system_lets_it_have_files() -> None:
    program = (
        "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (500, 1000));"
        "from tailrace.server.operating_system import missing_files as missing;"
        "print(missing(900), missing(1100), resource.getrlimit(resource.RLIMIT_NOFILE))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "0 100 (1000, 1000)\n"
    assert "100 connections fewer" in done.stderr
