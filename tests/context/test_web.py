"""Pages of the web are fetched without being led astray, within their limits."""

import asyncio
import zlib
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from tailrace._clock import SYSTEM_CLOCK
from tailrace.context.pool import ParserPool
from tailrace.context.search import ContextIndex
from tailrace.context.web_address import parse_ports, parse_url, why_private
from tailrace.context.web_fetch import FetchLimits, WebFetcher
from tailrace.context.web_pages import WebPages
from tailrace.errors import InvalidRequestError, WebPageError
from tailrace.stores.documents import DocumentOrigin
from tailrace.stores.sqlite.documents import SqliteDocuments

MAX_BYTES = 50_000
PAGE = b"<html><head><title>The lock</title></head><body><p>A sluice opens.</p></body></html>"


def ok(body: bytes, kind: str = "text/html", *more: str) -> bytes:
    head = ["HTTP/1.1 200 OK", f"content-type: {kind}", f"content-length: {len(body)}", *more]
    return "\r\n".join([*head, "connection: close", "", ""]).encode() + body


def moved(where: str) -> bytes:
    head = ["HTTP/1.1 302 Found", f"location: {where}", "content-length: 0", "connection: close"]
    return "\r\n".join([*head, "", ""]).encode()


@dataclass
class Web:
    """A server that answers what it is told to, by path, and all the names that lead to it."""

    port: int = 0
    answers: dict[str, bytes] = field(default_factory=dict[str, bytes])
    asked: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    names: dict[str, list[list[str]]] = field(default_factory=dict[str, list[list[str]]])
    endless: bytes = b""

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        """What `host` leads to, another thing each time where it was told so."""
        assert port == self.port
        found = self.names.get(host)
        if not found:
            raise OSError
        return found.pop(0) if len(found) > 1 else found[0]

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request; what has no end goes on until its client is gone."""
        try:
            request = (await reader.readuntil(b"\r\n\r\n")).decode()
            path = request.split(" ")[1]
            host = next(x for x in request.lower().split("\r\n") if x.startswith("host: "))
            self.asked.append((host.removeprefix("host: "), path))
            writer.write(self.answers[path])
            await writer.drain()
            while path == "/endless":
                writer.write(b"x" * 10_000)
                await writer.drain()
            if path == "/silent":
                await reader.read()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # its client has left, perhaps before it asked
        finally:
            writer.close()

    def url(self, path: str, host: str = "web.test") -> str:
        """Where that is."""
        return f"http://{host}:{self.port}{path}"

    def fetcher(
        self,
        *,
        allow_private: bool = True,
        total_s: float = 20.0,
        refuses: Callable[[str], str] = why_private,
    ) -> WebFetcher:
        """What may fetch from it."""
        limits = FetchLimits(
            max_bytes=MAX_BYTES,
            connect_s=5.0,
            total_s=total_s,
            ports=frozenset({self.port}),
            allow_private=allow_private,
        )
        return WebFetcher(limits, self, refuses)


def but_here(address: str) -> str:
    """Why an address is private; the only one there is to be served at counts as public."""
    return "" if address == "127.0.0.1" else why_private(address)


@asynccontextmanager
async def serving(answers: Mapping[str, bytes]) -> AsyncGenerator[Web]:
    web = Web(answers=dict(answers), names={"web.test": [["127.0.0.1"]]})
    server = await asyncio.start_server(web.answer, "127.0.0.1", 0)
    web.port = server.sockets[0].getsockname()[1]
    async with asyncio.timeout(30), server:
        yield web


def pages_of(web: Web, store: SqliteDocuments, reader: ParserPool) -> WebPages:
    return WebPages(store, reader=reader, fetcher=web.fetcher(), clock=SYSTEM_CLOCK)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.1.2.3", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254"),
        *("0.0.0.1", "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "255.255.255.255"),
        *("::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "fec0::1", "ff02::1"),
        *("::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::"),
        *("64:ff9b:1::1", "2001:0:1::1", "2001:db8::1", "240.0.0.1", "nonsense"),
    ],
)
def test_an_address_that_leads_inside_is_private(address: str) -> None:
    assert why_private(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.216.34", "2606:4700::1111"])
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert why_private(address) == ""


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://a.test/", "file:///etc/passwd", "javascript:alert(1)", "//a.test/", "a.test"),
        *("https://user@a.test/", "https://u:p@a.test/", "https://a.test:22/", "http:///a"),
        *("https://a\n.test/", "https://a.test/\0", "http://[::1", "https://" + "a" * 5_000),
    ],
)
def test_an_address_that_is_none_is_refused_with_a_reason(url: str) -> None:
    ports = parse_ports("80, 443")
    with pytest.raises(InvalidRequestError) as refused:
        parse_url(url, ports)
    assert refused.value.message


async def test_a_page_is_a_document_under_the_address_it_was_at_in_the_end(
    store: SqliteDocuments, reader: ParserPool, index: ContextIndex
) -> None:
    async with serving({"/a": moved("/b#part"), "/b": ok(PAGE)}) as web:
        pages = pages_of(web, store, reader)
        first = await pages.add(web.url("/a"))
        again = await pages.add(web.url("/b"))
        web.answers["/b"] = ok(PAGE.replace(b"opens", b"closes"))
        [changed] = await pages.refresh()
        assert web.asked[:2] == [(f"web.test:{web.port}", "/a"), (f"web.test:{web.port}", "/b")]
    [row], _ = await store.list_documents("", limit=9, offset=0)
    assert (row.source, row.title, row.origin, row.revision) == (
        web.url("/b"),
        "The lock",
        DocumentOrigin.WEB,
        2,
    )
    assert (first.added, again.unchanged, changed.updated) == (1, 1, 1)
    [passage] = await index.search("sluice", owner="")
    assert "closes" in passage.text


async def test_a_page_is_read_in_the_charset_its_server_tells(
    store: SqliteDocuments, reader: ParserPool
) -> None:
    page = '<meta charset="utf-8"><title>Тест</title><p>Привет</p>'.encode("koi8-r")
    async with serving({"/k": ok(page, "text/html; charset=koi8-r")}) as web:
        await pages_of(web, store, reader).add(web.url("/k"))
    [row], _ = await store.list_documents("", limit=9, offset=0)
    assert (row.title, "Привет" in await store.text(row.id, "")) == ("Тест", True)


async def test_a_text_is_read_as_its_address_says(
    store: SqliteDocuments, reader: ParserPool
) -> None:
    async with serving({"/notes.md": ok(b"# Notes\n\nText.", "text/plain")}) as web:
        await pages_of(web, store, reader).add(web.url("/notes.md"))
    [row], _ = await store.list_documents("", limit=9, offset=0)
    assert (row.kind, row.title) == ("markdown", "Notes")


async def test_a_private_address_is_refused_and_nothing_is_asked() -> None:
    async with serving({"/a": ok(PAGE)}) as web:
        web.names["mixed.test"] = [["93.184.216.34", "10.0.0.1"]]
        for host in ("web.test", "mixed.test"):
            with pytest.raises(InvalidRequestError, match="TAILRACE_WEB_ALLOW_PRIVATE"):
                await web.fetcher(allow_private=False).fetch(web.url("/a", host))
        assert web.asked == []


async def test_a_redirect_is_checked_like_the_first_address() -> None:
    async with serving({"/a": moved("http://inner.test:1/"), "/b": moved("file:///etc")}) as web:
        for path in ("/a", "/b"):
            with pytest.raises(InvalidRequestError):
                await web.fetcher().fetch(web.url(path))


async def test_a_redirect_into_the_private_network_is_refused() -> None:
    async with serving({"/a": ok(PAGE)}) as web:
        web.answers["/a"] = moved(web.url("/inner", "inner.test"))
        web.names["inner.test"] = [["169.254.169.254"]]
        with pytest.raises(InvalidRequestError, match="it is link-local"):
            await web.fetcher(allow_private=False, refuses=but_here).fetch(web.url("/a"))
        assert [path for _, path in web.asked] == ["/a"]


async def test_a_name_that_changes_its_mind_is_asked_once() -> None:
    async with serving({"/a": ok(PAGE)}) as web:
        web.names["web.test"] = [["127.0.0.1"], ["169.254.169.254"]]
        page = await web.fetcher().fetch(web.url("/a"))
        assert (page.data, web.names["web.test"]) == (PAGE, [["169.254.169.254"]])


async def test_what_has_no_end_is_broken_off() -> None:
    bomb = zlib.compressobj(wbits=31)
    packed = bomb.compress(b"\0" * 20_000_000) + bomb.flush()
    huge = "HTTP/1.1 200 OK\r\nx: " + "y" * 500_000 + "\r\n\r\n"
    answers = {
        "/loop": moved("/loop"),
        "/endless": b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n",
        "/bomb": ok(packed, "text/plain", "content-encoding: gzip"),
        "/broken": ok(b"not packed", "text/plain", "content-encoding: gzip"),
        "/packed": ok(b"x", "text/plain", "content-encoding: br"),
        "/huge": huge.encode(),
        "/nonsense": b"hello\r\n\r\n",
        "/gone": b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
        "/cut": b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nx",
    }
    async with serving(answers) as web:
        for path in answers:
            with pytest.raises(WebPageError) as refused:
                await web.fetcher().fetch(web.url(path))
            assert "test" in refused.value.message


async def test_what_says_nothing_more_is_broken_off() -> None:
    async with serving({"/silent": b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nx"}) as web:
        with pytest.raises(WebPageError, match="took longer"):
            await web.fetcher(total_s=0.05).fetch(web.url("/silent"))


async def test_an_unknown_name_and_a_closed_port_are_told() -> None:
    async with serving({}) as web:
        with pytest.raises(WebPageError, match="there is no other"):
            await web.fetcher().fetch(web.url("/", "other.test"))
    with pytest.raises(WebPageError, match="cannot be reached"):
        await web.fetcher().fetch(web.url("/"))


async def test_a_page_that_cannot_be_read_is_refused_with_its_type(
    store: SqliteDocuments, reader: ParserPool
) -> None:
    answers = {"/a.png": ok(b"\x89PNG", "image/png"), "/b.txt": ok(b"\0\1\2", "text/plain")}
    async with serving(answers) as web:
        for path in answers:
            with pytest.raises(WebPageError):
                await pages_of(web, store, reader).add(web.url(path))
    assert (await store.list_documents("", limit=9, offset=0))[1] == 0
