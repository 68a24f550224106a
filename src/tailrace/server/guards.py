"""Floor 6: Guard, what every request passes before a route sees it; plain ASGI.

Rule 1: `Host` must be a name this server is known by, so that no web page can reach it under a
    name of its own (DNS rebinding).
Rule 2: `Origin`, where there is one, must be this server itself, a loopback address, an allowed
    host or origin, or `file://` (a desktop application's own page). `null` is refused: any web
    page can send it, from a sandboxed frame.
Rule 3: where keys are set, every route but those of `_OPEN` and the page's files asks for one, in
    a header only.
Rule 4: a body is bounded in bytes and in time, whether or not it says its length.
Rule 5: on one connection too many only health checks are answered.
"""

import asyncio
import hmac
import ipaddress
import math
import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import Final, NoReturn, cast
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tailrace.errors import ErrorCode, InvalidRequestError
from tailrace.server.caller import SCOPE_KEY, Caller
from tailrace.server.connection import RETRY_AFTER_S, SURPLUS, TOO_MANY
from tailrace.server.problems import RefusedError, problem, route_path, shape_of
from tailrace.settings import Settings

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_WILDCARDS: Final = frozenset({"0.0.0.0", "::", ""})  # noqa: S104 - compared with, never bound
_OPEN: Final = frozenset({"/", "/plain", "/healthz", "/health", "/api/health", "/api/auth/status"})
_HEALTH: Final = frozenset({"/healthz", "/readyz", "/health", "/api/health"})
_OPEN_BELOW: Final = "/static/"
_UPLOAD: Final = "/api/documents"
_LEAST_BYTES_PER_S: Final = 64 * 1024
_MAX_SHOWN: Final = 80
_MAX_DIGITS: Final = 15
_ORIGIN: Final = re.compile(r"[a-z][a-z0-9+.-]*://[^/?#@\s]+")


class Guard:
    """Refuses what may not come in, and tells the routes who asks."""

    def __init__(self, app: ASGIApp, settings: Settings, home_token: str) -> None:
        """Guard `app`.

        Raises:
            InvalidRequestError: the API keys or the allowed origins cannot be used.
        """
        self._app = app
        self._settings = settings
        self._hosts = _LOOPBACK | _names(settings.allowed_hosts)
        self._origins = frozenset(parse_origins(settings.allowed_origins))
        self._any_address = settings.host in _WILDCARDS
        if not self._any_address:
            self._hosts |= {settings.host.lower()}
        self._keys = parse_keys(settings.api_keys)
        self._home_token = home_token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = route_path(scope)
        try:
            _check_surplus(scope, path)
            headers = _Headers(scope["headers"])
            self._check_host(headers)
            self._check_origin(headers)
            scope[SCOPE_KEY] = self._caller(headers, path)
            limit, bytes_per_s = self._body_limit(scope["method"], path)
            _check_length(headers, limit)
        except RefusedError as refused:
            answer = problem(
                refused.code,
                refused.detail,
                status=refused.status_code,
                shape=shape_of(path),
                headers=refused.headers,
            )
            await answer(scope, receive, send)
            return
        body = _Body(receive, limit, self._settings.request_body_timeout_s, bytes_per_s)
        await self._app(scope, body.receive, send)

    def _check_host(self, headers: "_Headers") -> None:
        host = headers.host
        name = _host_name(host)
        if name in self._hosts or (self._any_address and _is_address(name)):
            return
        msg = (
            f"this server is not known as {_shown(host)}; use 127.0.0.1 or localhost, or add the "
            "name to TAILRACE_ALLOWED_HOSTS"
        )
        raise RefusedError(ErrorCode.FORBIDDEN_HOST, msg)

    def _check_origin(self, headers: "_Headers") -> None:
        origin = headers.first(b"origin")
        if not origin or origin == "file://" or origin in self._origins:
            return
        try:
            parts = urlsplit(origin)
        except ValueError:
            parts = urlsplit("")
        is_web = parts.scheme in {"http", "https"}
        if is_web and (parts.netloc == headers.host or _host_name(parts.netloc) in self._hosts):
            return
        msg = (
            f"pages of {_shown(origin)} may not use this server; if they shall, add it to "
            "TAILRACE_ALLOWED_ORIGINS"
        )
        raise RefusedError(ErrorCode.FORBIDDEN_ORIGIN, msg)

    def _caller(self, headers: "_Headers", path: str) -> Caller:
        offered = headers.keys()
        if _is_one_of(self._home_token, offered):
            return Caller(has_home=True)
        if not self._keys:
            return Caller()
        found = [owner for key, owner in self._keys if _is_one_of(key, offered)]
        if found:
            return Caller(owner=found[0])
        if path in _OPEN or path.startswith(_OPEN_BELOW):
            return Caller()
        said = "this key is not known here" if offered else "this server asks for a key"
        msg = f"{said}; send one as X-API-Key: <key> or Authorization: Bearer <key>"
        raise RefusedError(ErrorCode.UNAUTHORIZED, msg)

    def _body_limit(self, method: str, path: str) -> tuple[int, float]:
        """How large a body may be, and at which rate it earns itself more time."""
        if method == "POST" and path == _UPLOAD:
            return self._settings.max_upload_bytes, _LEAST_BYTES_PER_S
        return self._settings.max_body_bytes, math.inf


class _Headers:
    """A request's headers, looked up by name; a name that may come once is refused if twice."""

    def __init__(self, raw: Iterable[tuple[bytes, bytes]]) -> None:
        self._raw = list(raw)
        hosts = [value for name, value in self._raw if name == b"host"]
        if len(hosts) != 1:
            msg = "a request needs one Host header"
            raise RefusedError(ErrorCode.FORBIDDEN_HOST, msg, HTTPStatus.BAD_REQUEST)
        self.host = hosts[0].decode("latin-1").strip().lower()

    def first(self, name: bytes) -> str:
        """The value of the first header of that name; "" without one."""
        found = next((value for key, value in self._raw if key == name), b"")
        return found.decode("latin-1").strip()

    def keys(self) -> list[bytes]:
        """The keys that were offered."""
        scheme, _, token = self.first(b"authorization").partition(" ")
        bearer = token.strip() if scheme.lower() == "bearer" else ""
        offered = (self.first(b"x-api-key"), bearer)
        return [key.encode("latin-1") for key in offered if key]


class _Body:
    """A request's body, bounded while it is read."""

    def __init__(self, receive: Receive, limit: int, timeout_s: float, bytes_per_s: float) -> None:
        """Let it be `limit` bytes, in `timeout_s`, and a second more for every `bytes_per_s`."""
        self._receive = receive
        self._limit = limit
        self._bytes_per_s = bytes_per_s
        self._size = 0
        self._deadline_s = asyncio.get_running_loop().time() + timeout_s
        self._ended = False

    async def receive(self) -> Message:
        """The next message of the request.

        Raises:
            RefusedError: the body is too large, or comes too slowly.
        """
        if self._ended:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._deadline_s + self._size / self._bytes_per_s):
                message = await self._receive()
        except TimeoutError:
            msg = "the request's body did not come in time; send it again, faster"
            raise RefusedError(ErrorCode.INVALID_REQUEST, msg, HTTPStatus.REQUEST_TIMEOUT) from None
        self._ended = message["type"] != "http.request" or not message.get("more_body", False)
        self._size += len(message.get("body", b""))
        if self._size > self._limit:
            _refuse_size(self._limit)
        return message


def parse_keys(text: str) -> list[tuple[bytes, str]]:
    """Keys and their owners, from `key` or `owner:key`, comma-separated.

    Raises:
        InvalidRequestError: a key is empty.
    """
    keys: list[tuple[bytes, str]] = []
    for entry in filter(None, (part.strip() for part in text.split(","))):
        owner, colon, key = entry.partition(":")
        key = key.strip() if colon else entry
        if not key:
            msg = f"the API key of {owner!r} is empty; write it as owner:key"
            raise InvalidRequestError(msg)
        keys.append((key.encode(), owner.strip() if colon else ""))
    return keys


def parse_origins(text: str) -> list[str]:
    """Origins as browsers send them, comma-separated.

    Raises:
        InvalidRequestError: one is not of the form scheme://host or scheme://host:port.
    """
    origins = [part.strip().lower() for part in text.split(",") if part.strip()]
    for origin in origins:
        if not _ORIGIN.fullmatch(origin):
            msg = f"{origin[:80]!r} is no origin; write it as http://localhost:5173"
            raise InvalidRequestError(msg)
    return origins


def _check_surplus(scope: Scope, path: str) -> None:
    extensions = cast("dict[str, object]", scope.get("extensions") or {})
    if extensions.get(SURPLUS) and path not in _HEALTH:
        headers = {"connection": "close", "retry-after": str(RETRY_AFTER_S)}
        raise RefusedError(ErrorCode.TOO_MANY_CONNECTIONS, TOO_MANY, headers=headers)


def _check_length(headers: _Headers, limit: int) -> None:
    length = headers.first(b"content-length")
    if length.isdecimal() and (len(length) > _MAX_DIGITS or int(length) > limit):
        _refuse_size(limit)


def _refuse_size(limit: int) -> NoReturn:
    msg = f"the body is larger than the {limit:,} bytes allowed; send less, or a document instead"
    raise RefusedError(ErrorCode.BODY_TOO_LARGE, msg)


def _is_one_of(key: bytes, offered: Iterable[bytes]) -> bool:
    same = [hmac.compare_digest(key, each) for each in offered]
    return any(same)


def _names(text: str) -> frozenset[str]:
    return frozenset(part.strip().lower() for part in text.split(",") if part.strip())


def _host_name(host: str) -> str:
    """The name without its port; an IPv6 address without its brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].removesuffix(".")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _shown(text: str) -> str:
    return ascii(text[:_MAX_SHOWN])
