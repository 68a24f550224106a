"""Floor 1: where the configured package index has a wheel.

Rule 1: the index is the one the person's package installer uses; we name none ourselves.
Rule 2: a wheel is found by its pinned SHA-256 or its file name, and is not believed before its
    bytes have that hash.
Rule 3: no user name or password of an index URL gets into a message or a log.

Source: https://peps.python.org/pep-0691/ and https://peps.python.org/pep-0503/
"""

import ast
import asyncio
import re
import shutil
import ssl
import subprocess
import sys
from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from http import HTTPStatus

import httpx2
import msgspec

from tailrace.errors import InvalidRequestError
from tailrace.llm.catalogue import Slice

ACCEPT = "application/vnd.pypi.simple.v1+json, text/html;q=0.5"
_ASK_TIMEOUT_S = 20.0
_MAX_LISTING_BYTES = 16 * 1024 * 1024
_DEFAULT_IN_HELP = re.compile(r"default:?\s+<?(https?://[^\s>)]+)")
_PIP_SETTING = re.compile(
    r"(?P<scope>global|install|download|:env:)\.(?P<name>[a-z-]+)=(?P<value>.*)"
)
_SCOPES = ("global", "install", "download", ":env:")  # later ones win, as with pip


class IndexConfig(msgspec.Struct, frozen=True, kw_only=True):
    """How the package index is reached.

    Attributes:
        urls: Base URLs of indexes, tried in this order.
        certificates: A file of certificate authorities; empty: the system's own.
        proxy: A proxy for everything; empty: what the environment says.
    """

    urls: tuple[str, ...]
    certificates: str = ""
    proxy: str = ""

    def ssl_context(self) -> ssl.SSLContext:
        """What to trust.

        Raises:
            InvalidRequestError: the configured certificates cannot be read.
        """
        if not self.certificates:
            return httpx2.create_ssl_context()
        try:
            return ssl.create_default_context(cafile=self.certificates)
        except OSError as exc:
            msg = f"the certificates that pip is told to use cannot be read: {self.certificates}"
            raise InvalidRequestError(msg) from exc


def redacted(url: httpx2.URL | str) -> str:
    """`url` without a user name and password, fit for a message."""
    return str(httpx2.URL(url).copy_with(username=None, password=None, query=None))


def host_of(url: str) -> str:
    """The host of `url`, with its port where it has one: whom one speaks to, and no login."""
    return httpx2.URL(url).netloc.decode("ascii")


async def find_index(chosen_url: str, environ: Mapping[str, str]) -> IndexConfig:
    """The package index a person has configured, or else their installer's own default.

    Args:
        chosen_url: From our own settings; wins over everything.
        environ: Where `PIP_INDEX_URL`, `UV_DEFAULT_INDEX` and `UV_INDEX_URL` may stand.

    Returns:
        Without any URL where none is configured and no installer could be asked.
    """
    listing = await _ask(_pip("config", "list"), environ)
    pip = parse_pip_settings(listing)
    urls: list[str] = [
        chosen_url
        or environ.get("PIP_INDEX_URL", "")
        or environ.get("UV_DEFAULT_INDEX", "")
        or environ.get("UV_INDEX_URL", "")
        or pip.get("index-url", "")
        or await _installer_default(environ)
    ]
    urls += [url for url in pip.get("extra-index-url", "").split() if not chosen_url]
    usable = tuple(url for url in urls if _is_usable(url))
    return IndexConfig(urls=usable, certificates=pip.get("cert", ""), proxy=pip.get("proxy", ""))


def _is_usable(url: str) -> bool:
    try:
        return bool(httpx2.URL(url).host) and url.startswith(("http://", "https://"))
    except httpx2.InvalidURL:
        return False


def parse_pip_settings(listing: str) -> dict[str, str]:
    """What `pip config list` printed, with the scope that wins for each name."""
    found: dict[str, tuple[int, str]] = {}
    for line in listing.splitlines():
        match = _PIP_SETTING.fullmatch(line.strip())
        if not match:
            continue
        rank, name = _SCOPES.index(match["scope"]), match["name"]
        if name not in found or rank >= found[name][0]:
            found[name] = (rank, _unquoted(match["value"]))
    return {name: value for name, (_, value) in found.items()}


def _unquoted(literal: str) -> str:
    try:
        value: object = ast.literal_eval(literal)
    except (ValueError, SyntaxError):
        return literal
    return str(value)


def _pip(*arguments: str) -> list[list[str]]:
    commands = [[sys.executable, "-m", "pip", *arguments]]
    on_path = shutil.which("pip3") or shutil.which("pip")
    if on_path:
        commands.append([on_path, *arguments])
    return commands


async def _installer_default(environ: Mapping[str, str]) -> str:
    commands = _pip("download", "--help")
    uv = shutil.which("uv")
    if uv:
        commands.append([uv, "pip", "install", "--help"])
    answer = await _ask(commands, environ)
    match = _DEFAULT_IN_HELP.search(" ".join(answer.split()))
    return match[1] if match else ""


async def _ask(commands: Sequence[Sequence[str]], environ: Mapping[str, str]) -> str:
    """The output of the first command that works; empty where none does."""
    for command in commands:
        try:
            done = await asyncio.to_thread(
                subprocess.run,
                command,
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**environ, "COLUMNS": "400"},
                timeout=_ASK_TIMEOUT_S,
            )
        except (OSError, subprocess.TimeoutExpired):
            continue
        if done.returncode == 0:
            return done.stdout.decode("utf-8", errors="replace")
    return ""


async def locate(client: httpx2.AsyncClient, index_url: str, part: Slice) -> httpx2.URL | None:
    """Where the index at `index_url` has the wheel of `part`; None where it has not.

    Raises:
        httpx2.HTTPError: the index could not be read.
    """
    page = httpx2.URL(index_url.rstrip("/") + f"/{part.package}/")
    async with client.stream("GET", page, headers={"Accept": ACCEPT}) as response:
        if response.status_code == HTTPStatus.NOT_FOUND:
            return None
        response.raise_for_status()
        body = bytearray()
        async for piece in response.aiter_bytes():
            body += piece
            if len(body) > _MAX_LISTING_BYTES:
                return None
        is_json = "json" in response.headers.get("content-type", "")
        base = response.url
    links = (
        _links_of_json(bytes(body)) if is_json else _links_of_html(body.decode(errors="replace"))
    )
    for name, url, sha256 in links:
        if name == part.wheel or sha256 == part.wheel_sha256:
            return _with_login(base.join(url), httpx2.URL(index_url))
    return None


def _with_login(url: httpx2.URL, index: httpx2.URL) -> httpx2.URL:
    """`url` with the login of `index`, where both are the same server."""
    if not index.userinfo or (url.scheme, url.host, url.port) != (
        index.scheme,
        index.host,
        index.port,
    ):
        return url
    return url.copy_with(userinfo=index.userinfo)


class _File(msgspec.Struct):
    filename: str
    url: str
    hashes: dict[str, str] = {}


class _Project(msgspec.Struct):
    files: list[_File]


def _links_of_json(body: bytes) -> list[tuple[str, str, str]]:
    try:
        project = msgspec.json.decode(body, type=_Project)
    except msgspec.DecodeError:
        return []
    return [(file.filename, file.url, file.hashes.get("sha256", "")) for file in project.files]


class _Anchors(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.hrefs: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.hrefs += [value for name, value in attrs if name == "href" and value]


def _links_of_html(text: str) -> list[tuple[str, str, str]]:
    anchors = _Anchors()
    anchors.feed(text)
    links: list[tuple[str, str, str]] = []
    for href in anchors.hrefs:
        url, _, fragment = href.partition("#")
        links.append((url.rpartition("/")[2], url, fragment.removeprefix("sha256=")))
    return links
