"""Who may come in: hosts, origins, keys and their owners, and how slowly one may speak."""

import asyncio
from typing import TYPE_CHECKING

import pytest

from tailrace.errors import InvalidRequestError
from tailrace.server.guards import parse_keys, parse_origins

if TYPE_CHECKING:
    from conftest import Serve, Serving


async def raw(serving: "Serving", sent: bytes) -> bytes:
    """What the server answers to `sent`, to the end of the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", serving.port)
    writer.write(sent)
    async with asyncio.timeout(20):
        try:
            return await reader.read()
        finally:
            writer.close()


@pytest.mark.parametrize("host", ["127.0.0.1:{}", "localhost:{}", "LOCALHOST", "[::1]:{}"])
async def test_a_loopback_host_comes_in(serving: "Serving", host: str) -> None:
    headers = {"Host": host.format(serving.port)}
    assert (await serving.client.get("/healthz", headers=headers)).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "192.0.2.1", "[x"]
)
async def test_a_foreign_host_is_refused_and_told_what_to_do(serving: "Serving", host: str) -> None:
    for method, path in [("GET", "/"), ("GET", "/healthz"), ("POST", "/api/agent/runs")]:
        response = await serving.client.request(
            method, path, headers={"Host": host}, json={"query": "x"}
        )
        assert (response.status_code, response.json()["code"]) == (403, "forbidden_host")
        assert "TAILRACE_ALLOWED_HOSTS" in response.json()["detail"]
    assert await serving.stored() == (0, 0, 0)


async def test_two_hosts_or_none_are_refused(serving: "Serving") -> None:
    for hosts in [b"", b"Host: localhost\r\nHost: localhost\r\n"]:
        request = b"GET /healthz HTTP/1.1\r\n%bConnection: close\r\n\r\n" % hosts
        assert (await raw(serving, request)).startswith(b"HTTP/1.1 400 ")


async def test_an_allowed_host_comes_in(serve: "Serve") -> None:
    async with serve(allowed_hosts="one.example, Two.example") as serving:
        for host in ["one.example", "two.example:8080"]:
            headers = {"Host": host, "Origin": f"https://{host}"}
            assert (await serving.client.get("/healthz", headers=headers)).status_code == 200
        headers = {"Host": "three.example"}
        assert (await serving.client.get("/healthz", headers=headers)).status_code == 403


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://127.0.0.1:{}", 202),
        ("http://localhost:5173", 202),
        ("https://[::1]:8443", 202),
        ("file://", 202),
        ("null", 403),
        ("https://evil.example", 403),
        ("http://localhost.evil.example", 403),
        ("http://evil.example:{}", 403),
        ("chrome-extension://localhost", 403),
        ("http://[", 403),
        ("nonsense", 403),
    ],
)
async def test_only_pages_of_this_machine_may_ask(
    serving: "Serving", origin: str, status: int
) -> None:
    headers = {"Origin": origin.format(serving.port)}
    response = await serving.client.post("/api/agent/runs", json={"query": "x"}, headers=headers)
    assert response.status_code == status
    assert len(await serving.agent.parts.store.list_runs("", 9, None)) == (status == 202)


async def test_pages_of_an_allowed_origin_may_ask_and_read_and_no_others(serve: "Serve") -> None:
    ours, other = {"Origin": "https://app.example"}, {"Origin": "http://localhost:9999"}
    async with serve(allowed_origins="https://app.example", api_keys="k") as serving:
        asks = {"Access-Control-Request-Method": "POST"}
        asks["Access-Control-Request-Headers"] = "content-type,x-api-key,idempotency-key"
        path = "/api/agent/chat/stream"
        before = await serving.client.options(path, headers={**ours, **asks})
        key = {"X-API-Key": "k"}
        answer = await serving.client.post(path, json={"query": "x"}, headers={**ours, **key})
        keyless = await serving.client.post(path, json={"query": "x"}, headers=ours)
        unread = await serving.client.get("/healthz", headers={**other, **key})
    assert before.status_code == 200
    assert [r.headers.get("access-control-allow-origin") for r in (before, answer, keyless)] == [
        "https://app.example"
    ] * 3
    assert "X-Run-Id" in answer.headers["access-control-expose-headers"]
    assert keyless.status_code == 401
    assert "access-control-allow-origin" not in unread.headers


async def test_the_pages_of_the_seeds_front_end_may_read_by_default(serving: "Serving") -> None:
    headers = {"Origin": "http://localhost:5173"}
    response = await serving.client.get("/healthz", headers=headers)
    assert response.headers["access-control-allow-origin"] == "http://localhost:5173"


@pytest.mark.parametrize("origins", ["localhost:5173", "*", "http://a.example/page"])
def test_an_origin_that_no_browser_sends_is_refused_at_start(origins: str) -> None:
    with pytest.raises(InvalidRequestError, match="no origin"):
        parse_origins(origins)


async def test_where_keys_are_set_each_opens_its_owners_things_only(serve: "Serve") -> None:
    async with serve(api_keys="ann:k-ann, bob:k-bob, k-all") as serving:
        ann, bob = {"X-API-Key": "k-ann"}, {"Authorization": "Bearer k-bob"}
        made = await serving.client.post(
            "/api/agent/chat/conversations", json={"page_name": "home"}, headers=ann
        )
        cid = made.json()["id"]
        body = {"query": "hello", "conversation_id": cid}
        run = (await serving.client.post("/api/agent/runs", json=body, headers=ann)).json()
        run_id, mid = run["run_id"], run["assistant_message_id"]
        await serving.client.get(f"/api/agent/runs/{run_id}/events", headers=ann)
        document = await serving.client.post("/api/documents?name=a.md", content="a", headers=ann)
        foreign = [
            ("GET", f"/api/agent/runs/{run_id}"),
            ("GET", f"/api/agent/runs/{run_id}/events"),
            ("POST", f"/api/agent/runs/{run_id}/cancel"),
            ("GET", f"/api/agent/chat/conversations/{cid}"),
            ("POST", f"/api/agent/chat/messages/{mid}/interrupt"),
            ("GET", f"/api/documents/{document.json()['id']}"),
            ("GET", f"/api/documents/{document.json()['id']}/text"),
            ("DELETE", f"/api/documents/{document.json()['id']}"),
        ]
        for method, path in foreign:
            for headers in [bob, {"X-API-Key": "k-all"}]:
                response = await serving.client.request(method, path, headers=headers)
                assert response.status_code == 404, path
        foreign_body = await serving.client.post("/api/agent/runs", json=body, headers=bob)
        assert foreign_body.status_code == 404
        listed = await serving.client.get("/api/agent/runs", headers=bob)
        assert listed.json() == {"items": []}
        messages = f"/api/agent/chat/conversations/{cid}/messages"
        assert (await serving.client.get(messages, headers=bob)).json() == []
        assert len((await serving.client.get(messages, headers=ann)).json()) == 2


async def test_without_the_right_key_only_the_landing_page_and_health_open(
    serve: "Serve",
) -> None:
    async with serve(api_keys="k1") as serving:
        for headers in [{}, {"X-API-Key": "k"}, {"Authorization": "Basic k1"}, {"X-API-Key": "é"}]:
            encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
            response = await serving.client.get("/api/agent/runs", headers=encoded)
            assert (response.status_code, response.json()["code"]) == (401, "unauthorized")
            assert response.headers["www-authenticate"] == "Bearer"
            assert "X-API-Key" in response.json()["detail"]
        in_address = await serving.client.get("/api/agent/runs?api_key=k1")
        assert in_address.status_code == 401
        for path in ["/", "/healthz"]:
            assert (await serving.client.get(path)).status_code == 200
        assert (await serving.client.get("/openapi.json")).status_code == 401
        home = {"Authorization": f"Bearer {serving.agent.home.token}"}
        assert (await serving.client.get("/api/agent/runs", headers=home)).status_code == 200


def test_keys_are_read_with_their_owners() -> None:
    assert parse_keys(" a , o:b,, p : c ") == [(b"a", ""), (b"b", "o"), (b"c", "p")]
    with pytest.raises(InvalidRequestError, match="owner:key"):
        parse_keys("ann:")


async def test_a_body_that_does_not_come_is_not_waited_for(serve: "Serve") -> None:
    async with serve(request_body_timeout_s=0.2) as serving:
        answer = await raw(
            serving,
            b"POST /api/agent/runs HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            b"Content-Type: application/json\r\nContent-Length: 20\r\n\r\n{",
        )
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert await serving.stored() == (0, 0, 0)


async def test_a_head_that_does_not_come_is_not_waited_for(serve: "Serve") -> None:
    async with serve(request_header_timeout_s=0.2) as serving:
        assert (await raw(serving, b"GET / HTTP/1.1\r\nHost: loc")).startswith(b"HTTP/1.1 408 ")
        assert await raw(serving, b"") == b""


async def test_a_head_without_end_is_cut_off(serving: "Serving") -> None:
    head = b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X-Much: %b\r\n" % (b"x" * 900) * 100
    assert (await raw(serving, head)).startswith(b"HTTP/1.1 400 ")
