"""Floor 2: which addresses of the web may be fetched from; pure, but for the default `Resolver`.

Rule 1: a name counts for nothing: what it resolves to is looked at, and connected to.
Rule 2: an address that leads into a private network, however it is written, is refused; one such
    among several refuses the name.
"""

import asyncio
import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final, Protocol

import httpx2

from tailrace.errors import InvalidRequestError

_SCHEMES: Final = {"http": 80, "https": 443}
_MAX_URL_CHARS: Final = 4096
_MAX_PORT: Final = 65_535
_TRANSLATING: Final = (  # addresses that stand for an IPv4 one behind some gateway
    IPv6Network("64:ff9b::/96"),
    IPv6Network("64:ff9b:1::/48"),
    IPv6Network("2002::/16"),
    IPv6Network("2001::/32"),
    IPv6Network("::/96"),
    IPv6Network("::ffff:0:0/96"),
    IPv6Network("::ffff:0:0:0/96"),
)


class Resolver(Protocol):
    """Finds the addresses of a name."""

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        """The addresses, as text.

        Raises:
            OSError: there is no such name, or nobody knows just now.
        """
        ...


class SystemResolver:
    """What the machine itself uses."""

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        """The addresses, each once.

        Raises:
            OSError: there is no such name, or nobody knows just now.
        """
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return list(dict.fromkeys(str(address[0]) for *_, address in found))


def parse_ports(text: str) -> frozenset[int]:
    """The ports that `text` lists, comma-separated.

    Raises:
        InvalidRequestError: one of them is none.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if not (name.isascii() and name.isdecimal() and 0 < int(name) <= _MAX_PORT):
            msg = f"TAILRACE_WEB_PORTS has {name!r}, which is no port; send numbers, as in 80,443"
            raise InvalidRequestError(msg)
    return frozenset(int(name) for name in names)


def parse_url(text: str, ports: frozenset[int]) -> httpx2.URL:
    """The address `text` names, without its fragment, if pages may be fetched from there.

    Raises:
        InvalidRequestError: it may not; the message says why.
    """
    shown = repr(text[:200])
    if len(text) > _MAX_URL_CHARS:
        msg = f"the address {shown} … is too long to be one"
        raise InvalidRequestError(msg)
    try:
        url = httpx2.URL(text.strip()).copy_with(fragment=None)
    except (httpx2.InvalidURL, ValueError) as exc:
        msg = f"{shown} is no web address; send one such as https://example.org/page"
        raise InvalidRequestError(msg) from exc
    if url.scheme not in _SCHEMES or not url.host:
        msg = f"{shown} cannot be fetched: only http and https addresses can"
        raise InvalidRequestError(msg)
    if url.userinfo:
        msg = f"an address of {url.host} has a name or password in it; send it without"
        raise InvalidRequestError(msg)
    if port_of(url) not in ports:
        msg = f"{shown} cannot be fetched: port {port_of(url)} is not one of TAILRACE_WEB_PORTS"
        raise InvalidRequestError(msg)
    return url


def port_of(url: httpx2.URL) -> int:
    """The port that is connected to."""
    return _SCHEMES[url.scheme] if url.port is None else url.port


def why_private(address: str) -> str:
    """Why nothing is fetched from `address` by default; "" where it is public."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return "it is no address"
    if "%" in address or ip.is_link_local:
        return "it is link-local"
    if isinstance(ip, IPv6Address) and any(ip in network for network in _TRANSLATING):
        return "it stands for another one" if not ip.is_loopback else "it is this machine"
    return _why_not_global(ip)


def _why_not_global(ip: IPv4Address | IPv6Address) -> str:
    if ip.is_loopback or ip.is_unspecified:
        return "it is this machine"
    if ip.is_multicast:
        return "it is multicast"
    if ip.is_private:
        return "it is private"
    if isinstance(ip, IPv6Address) and ip.is_site_local:
        return "it is private"
    return "" if ip.is_global and not ip.is_reserved else "it is reserved"
