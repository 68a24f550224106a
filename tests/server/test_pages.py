"""The page and its files: what is served, to whom, how often, and what it may do."""

import asyncio
import gzip
import re
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2
import pytest
from fastapi import FastAPI
from hatchling.builders.wheel import WheelBuilder

from tailrace.server.app import create_app
from tailrace.server.pages import STATIC, read_files

if TYPE_CHECKING:
    from conftest import Serve, Serving

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = (STATIC / "agent_chat.html").read_bytes()
FILES = sorted(path.relative_to(STATIC).as_posix() for path in STATIC.rglob("*.*"))
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; manifest-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)


async def test_the_page_stands_at_the_root_and_at_plain(serving: "Serving") -> None:
    for path in ["/", "/plain"]:
        response = await serving.client.get(path)
        assert (response.status_code, response.content) == (200, PAGE)
        wanted = {
            "content-type": "text/html; charset=utf-8",
            "content-security-policy": POLICY,
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
            "cross-origin-opener-policy": "same-origin",
            "cache-control": "no-cache",
        }
        assert {name: response.headers[name] for name in wanted} == wanted


async def test_every_shipped_file_is_served_with_its_type(serving: "Serving") -> None:
    types = {
        ".css": "text/css; charset=utf-8",
        ".html": "text/html; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
        ".svg": "image/svg+xml",
        ".ts": "text/plain; charset=utf-8",
        ".txt": "text/plain; charset=utf-8",
        ".woff2": "font/woff2",
    }
    assert "agent_chat.html" in FILES
    for name in FILES:
        response = await serving.client.get(f"/static/{name}")
        assert (response.status_code, response.content) == (200, (STATIC / name).read_bytes())
        assert response.headers["content-type"] == types[Path(name).suffix]
        assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        b"/static/",
        b"/static/nothing.js",
        b"/static/../pages.py",
        b"/static/..%2fpages.py",
        b"/static/%2e%2e/pages.py",
        b"/static/%2e%2e%2f%2e%2e%2fapi/agent/runs",
        b"/static//etc/passwd",
        b"/static/%2fetc%2fpasswd",
        b"/static/plain",
        b"/static/agent_chat.html%00.js",
        b"/static/./agent_chat.html",
        b"/static/AGENT_CHAT.HTML",
        b"/static/..%5cpages.py",
    ],
)
async def test_nothing_but_a_shipped_file_is_served(serve: "Serve", path: bytes) -> None:
    async with serve(api_keys="k1") as serving, asyncio.timeout(20):
        reader, writer = await asyncio.open_connection("127.0.0.1", serving.port)
        writer.write(b"GET %b HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" % path)
        answer = await reader.read()
        writer.close()
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b'"code":"not_found"' in answer


async def test_a_file_that_did_not_change_is_not_sent_again(serving: "Serving") -> None:
    first = await serving.client.get("/", headers={"Accept-Encoding": "identity"})
    etag = first.headers["etag"]
    for known in [etag, f"W/{etag}", f'"other", {etag}', "*"]:
        headers = {"If-None-Match": known, "Accept-Encoding": "identity"}
        again = await serving.client.get("/", headers=headers)
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
        assert again.headers["cache-control"] == "no-cache"
        assert again.headers["content-security-policy"] == POLICY
    for unknown in ['"other"', etag.strip('"'), ""]:
        headers = {"If-None-Match": unknown, "Accept-Encoding": "identity"}
        assert (await serving.client.get("/", headers=headers)).status_code == 200


async def test_a_client_that_takes_gzip_gets_it_under_another_etag(serving: "Serving") -> None:
    plain = await serving.client.get("/", headers={"Accept-Encoding": "identity"})
    for accepted, packed in [
        ("gzip", True),
        ("br;q=1.0, gzip;q=0.8, *;q=0.1", True),
        ("*", True),
        ("GZIP", True),
        ("gzip;q=0, *", False),
        ("gzip;q=0.000", False),
        ("br", False),
        ("", False),
    ]:
        response = await serving.client.get("/", headers={"Accept-Encoding": accepted})
        assert response.content == PAGE
        assert response.headers.get("content-encoding", "") == ("gzip" if packed else ""), accepted
        assert (response.headers["etag"] != plain.headers["etag"]) == packed
        assert "accept-encoding" in response.headers["vary"].lower()
        stale = {"Accept-Encoding": accepted, "If-None-Match": plain.headers["etag"]}
        assert (await serving.client.get("/", headers=stale)).status_code == (
            200 if packed else 304
        )


async def test_head_tells_what_get_would_send(serving: "Serving") -> None:
    for path in ["/", "/plain", "/static/agent_chat.html"]:
        got, asked = await serving.client.get(path), await serving.client.head(path)
        assert (asked.status_code, asked.content) == (200, b"")
        del got.headers["date"], asked.headers["date"]
        assert dict(asked.headers) == dict(got.headers)
    assert (await serving.client.head("/static/nothing.js")).status_code == 404
    assert (await serving.client.post("/")).status_code == 405


async def test_where_keys_are_set_the_page_opens_and_the_interface_does_not(
    serve: "Serve",
) -> None:
    async with serve(api_keys="k1") as serving:
        for path in ["/", "/plain", *(f"/static/{name}" for name in FILES)]:
            for headers in [{}, {"X-API-Key": "wrong"}]:
                assert (await serving.client.get(path, headers=headers)).status_code == 200
        for path in [
            "/api/documents",
            "/api/settings/models",
            "/plain/",
            "/statics",
            "/openapi.json",
        ]:
            assert (await serving.client.get(path)).status_code == 401


async def test_the_page_works_below_a_prefix(serving: "Serving") -> None:
    outer = FastAPI()
    outer.mount("/tail", create_app(serving.agent))
    transport = httpx2.ASGITransport(app=outer)
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
        for page in ["/tail/", "/tail/plain"]:
            text = (await client.get(page)).text
            addresses = re.findall(r"""(?:src|href)="([^"#]*)[#"]""", text)
            assert addresses
            for address in addresses:
                assert (await client.get(httpx2.URL(page).join(address))).status_code == 200, (
                    address
                )
        moved = await client.get("/tail")
        assert moved.headers["location"].endswith("/tail/")


def test_hidden_files_and_links_out_of_the_folder_are_left_alone(tmp_path: Path) -> None:
    outside = tmp_path / "secret.txt"
    outside.write_text("secret")
    folder = tmp_path / "static"
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / ".git").mkdir()
    for name in ["a.js", "deep/er/b.css", ".hidden", ".git/config"]:
        (folder / name).write_text("text")
    (folder / "link.txt").symlink_to(outside)
    (folder / "linked").symlink_to(tmp_path)
    assert sorted(read_files(folder)) == ["a.js", "deep/er/b.css"]


def test_what_is_sent_packed_unpacks_to_the_file() -> None:
    for name, file in read_files(STATIC).items():
        assert file.plain.body == (STATIC / name).read_bytes()
        if file.gzipped is not None:
            assert gzip.decompress(file.gzipped.body) == file.plain.body
            assert len(file.gzipped.body) < len(file.plain.body)


def test_the_wheel_contains_the_page_and_its_files() -> None:
    builder = WheelBuilder(str(ROOT))
    packed = {file.distribution_path for file in builder.recurse_included_files()}
    wanted = [name for name in FILES if not name.endswith(".d.ts")]  # the type check's alone
    assert {f"tailrace/server/static/{name}" for name in wanted} <= packed
