"""Floor 2: WebFetcher, one page of the web, fetched without being led astray.

Rule 1: each address, that of each redirect too, is checked, resolved once, and connected to as it
    was resolved: a name that changes its mind between the two changes nothing.
Rule 2: everything has a limit: redirects, seconds, bytes on the wire and once decompressed.
Rule 3: nothing of this machine goes along: no cookies, no credentials, no proxy of its environment.
"""

import asyncio
import zlib
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from email.message import Message
from typing import Final

import httpx2
import msgspec

from tailrace.context.web_address import (
    Resolver,
    SystemResolver,
    parse_url,
    port_of,
    why_private,
)
from tailrace.errors import InvalidRequestError, WebPageError

_MAX_REDIRECTS: Final = 5
_MAX_ADDRESSES: Final = 3
_CHUNK_BYTES: Final = 64 * 1024
_OK: Final = 200
_NOT_MODIFIED: Final = 304
_HEADERS: Final = {
    "user-agent": "tailrace",
    "accept": "text/html, application/pdf, text/*, */*;q=0.5",
    "accept-encoding": "gzip",
}


class FetchLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What a fetch may do.

    Attributes:
        max_bytes: Of a page, decompressed.
        connect_s: To reach a server.
        total_s: In all, redirects included.
        ports: Which may be connected to.
        allow_private: Whether private addresses may.
    """

    max_bytes: int
    connect_s: float
    total_s: float
    ports: frozenset[int]
    allow_private: bool = False


class FetchedPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page as its server sent it.

    Attributes:
        url: Where it was in the end.
        content_type: As `text/html`, in lower case; "" where the server said nothing.
        charset: "" where the server said nothing.
    """

    url: str
    content_type: str
    charset: str
    data: bytes


class WebFetcher:
    """Fetches pages; keeps nothing between them."""

    def __init__(
        self,
        limits: FetchLimits,
        resolver: Resolver | None = None,
        refuses: Callable[[str], str] = why_private,
    ) -> None:
        """Fetch within `limits`.

        Args:
            limits: What may be done.
            resolver: What finds addresses; by default what the machine uses.
            refuses: Says why an address is not connected to, unless private ones may be.
        """
        self._limits = limits
        self._resolver = resolver or SystemResolver()
        self._refuses = refuses

    def check(self, text: str) -> str:
        """The address `text` names, if it may be fetched, before anything is.

        Raises:
            InvalidRequestError: it may not; the message says why.
        """
        return str(parse_url(text, self._limits.ports))

    async def fetch(self, text: str) -> FetchedPage:
        """The page at `text`.

        Raises:
            InvalidRequestError: it may not be fetched from there, or from where it leads.
            WebPageError: it cannot be had; the message says why.
        """
        url = parse_url(text, self._limits.ports)
        try:
            async with asyncio.timeout(self._limits.total_s):
                for _ in range(_MAX_REDIRECTS + 1):
                    answer = await self._get(url)
                    if isinstance(answer, FetchedPage):
                        return answer
                    url = parse_url(answer, self._limits.ports)
        except TimeoutError as exc:
            msg = f"{url} took longer than {self._limits.total_s:.0f} s"
            raise WebPageError(msg, retryable=True) from exc
        msg = f"{text[:200]!r} leads from one address to the next, more than {_MAX_REDIRECTS} times"
        raise WebPageError(msg)

    async def _get(self, url: httpx2.URL) -> FetchedPage | str:
        """The page at `url`, or the address it leads to.

        Raises:
            WebPageError: it cannot be had.
        """
        async with self._answer(url) as response:
            if response.has_redirect_location:
                return str(url.join(response.headers["location"]))
            if response.status_code != _OK:
                msg = f"{url} answers {response.status_code}"
                raise WebPageError(msg)
            about = Message()
            about["content-type"] = response.headers.get("content-type", "")
            given = bool(response.headers.get("content-type"))
            return FetchedPage(
                url=str(url),
                content_type=about.get_content_type() if given else "",
                charset=about.get_content_charset("") if given else "",
                data=await self._body(url, response),
            )

    @asynccontextmanager
    async def _answer(self, url: httpx2.URL) -> AsyncGenerator[httpx2.Response, None]:
        """What the first of its addresses that can be reached answers.

        Raises:
            WebPageError: none answers, or it breaks off.
        """
        addresses = await self._addresses(url)
        limits = self._limits
        timeout = httpx2.Timeout(limits.total_s, connect=limits.connect_s)
        headers = {**_HEADERS, "host": url.netloc.decode("ascii")}
        sni = {"sni_hostname": url.raw_host.decode("ascii")}
        try:
            async with httpx2.AsyncClient(trust_env=False, timeout=timeout) as client:
                requests = [
                    client.build_request(
                        "GET",
                        url.copy_with(host=address, port=port_of(url)),
                        headers=headers,
                        extensions=sni,
                    )
                    for address in addresses
                ]
                response = await _first(client, requests)
                try:
                    yield response
                finally:
                    await response.aclose()
        except httpx2.HTTPError as exc:
            msg = f"{url} cannot be fetched: {_why(exc)}"
            raise WebPageError(msg, retryable=True) from exc

    async def _addresses(self, url: httpx2.URL) -> Sequence[str]:
        """Where `url` is to be reached; each may be connected to.

        Raises:
            InvalidRequestError: one of them may not.
            WebPageError: they cannot be found.
        """
        host = url.raw_host.decode("ascii")
        try:
            found = await self._resolver.resolve(host, port_of(url))
        except (OSError, UnicodeError) as exc:
            msg = f"{url} cannot be fetched: there is no {host}, or its address cannot be found"
            raise WebPageError(msg, retryable=True) from exc
        if not found:
            msg = f"{url} cannot be fetched: {host} has no address"
            raise WebPageError(msg)
        if not self._limits.allow_private:
            for address in found:
                if reason := self._refuses(address):
                    msg = (
                        f"{url} is not fetched: {host} leads to {address}, and {reason}; "
                        "TAILRACE_WEB_ALLOW_PRIVATE=true would let it"
                    )
                    raise InvalidRequestError(msg)
        return found[:_MAX_ADDRESSES]

    async def _body(self, url: httpx2.URL, response: httpx2.Response) -> bytes:
        """The bytes of the page, decompressed; never much more than there may be.

        Raises:
            WebPageError: they are too many, or cannot be unpacked.
        """
        encoding = response.headers.get("content-encoding", "").strip().lower()
        if encoding not in {"", "identity", "gzip"}:
            msg = f"{url} comes packed as {encoding[:40]!r}, which was not asked for"
            raise WebPageError(msg)
        most = self._limits.max_bytes
        unpacking = zlib.decompressobj(wbits=31) if encoding == "gzip" else None
        body = bytearray()
        async for data in response.aiter_raw(_CHUNK_BYTES):
            if unpacking is None:
                body += data
            else:
                try:
                    body += unpacking.decompress(data, most + 1 - len(body))
                except zlib.error as exc:
                    msg = f"{url} comes packed, and cannot be unpacked"
                    raise WebPageError(msg) from exc
            if len(body) > most:
                msg = f"{url} is larger than {most:,} bytes"
                raise WebPageError(msg)
        return bytes(body)


async def _first(client: httpx2.AsyncClient, requests: Sequence[httpx2.Request]) -> httpx2.Response:
    """What the first server that can be reached answers."""
    for request in requests[:-1]:
        with suppress(httpx2.ConnectError, httpx2.ConnectTimeout):
            return await client.send(request, stream=True)
    return await client.send(requests[-1], stream=True)


def _why(error: httpx2.HTTPError) -> str:
    match error:
        case httpx2.ConnectTimeout() | httpx2.ConnectError():
            return "its server cannot be reached"
        case httpx2.TimeoutException():
            return "its server says nothing more"
        case httpx2.RemoteProtocolError():
            return "what its server sends is not HTTP, or has no end"
        case _:
            return "the connection was lost"
