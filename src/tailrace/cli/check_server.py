"""Floor 7: what `tailrace doctor` looks at in a server, here or behind a proxy.

Rule: it asks nothing of a model and starts no run.
"""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

import httpx2
import msgspec

from tailrace.cli.finding import Finding, Verdict
from tailrace.errors import ErrorCode

_HEALTH: Final = "/healthz"
_STREAM: Final = "/api/settings/models/events"
"""Sends something at once and then stays open, so that whatever buffers it shows."""

_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_TIMEOUT_S: Final = 5.0
_HELD_BACK: Final = (
    "turn off buffering for text/event-stream in the proxy; docs/how-to/behind-a-proxy.md has how"
)


class _Answer(msgspec.Struct):
    version: str = ""
    code: str = ""


def check_server(
    url: str, key: str, *, if_silent: str, timeout_s: float = _TIMEOUT_S
) -> Iterator[Finding]:
    """Whether Tailrace answers at `url`, and whether its events come as they happen.

    Args:
        url: Where, with a path if it is served below one.
        key: Sent with each request; "" for none.
        if_silent: What to do where nothing answers.
        timeout_s: How long each answer may take.
    """
    headers = {"authorization": f"Bearer {key}"} if key else {}
    trusts_environment = urlsplit(url).hostname not in _LOOPBACK
    with httpx2.Client(headers=headers, trust_env=trusts_environment, timeout=timeout_s) as client:
        server = _server(client, url.rstrip("/"), if_silent)
        yield server
        if server.verdict is Verdict.OK:
            yield _stream(client, url.rstrip("/"))


def _server(client: httpx2.Client, url: str, if_silent: str) -> Finding:
    try:
        response = client.get(url + _HEALTH)
    except (httpx2.HTTPError, httpx2.InvalidURL):
        return Finding("Server", Verdict.BROKEN, f"{url} does not answer", if_silent)
    try:
        answer = msgspec.json.decode(response.content, type=_Answer)
    except msgspec.DecodeError:
        answer = _Answer()
    if response.status_code == HTTPStatus.OK and answer.version:
        return Finding("Server", Verdict.OK, f"{url} answers, version {answer.version}")
    if answer.code == ErrorCode.FORBIDDEN_HOST.value:
        name = urlsplit(url).hostname
        advice = f"add {name} to TAILRACE_ALLOWED_HOSTS of the server, and start it again"
        return Finding("Server", Verdict.BROKEN, f"{url} is not known by that name", advice)
    detail = f"{url} answers {response.status_code}, and not as Tailrace does"
    return Finding("Server", Verdict.BROKEN, detail, "correct the address; see the proxy's log")


def _stream(client: httpx2.Client, url: str) -> Finding:
    try:
        with client.stream("GET", url + _STREAM) as response:
            if response.status_code == HTTPStatus.UNAUTHORIZED:
                advice = "set TAILRACE_API_KEYS here to one of its keys, so that this can be tried"
                return Finding("Stream", Verdict.NOTE, f"{url} asks for a key", advice)
            if response.is_error:
                detail = f"{url} answers {response.status_code} to a stream"
                return Finding("Stream", Verdict.BROKEN, detail, "see the proxy's log")
            if next(response.iter_raw(), b""):
                return Finding("Stream", Verdict.OK, "events come as they happen")
    except httpx2.TimeoutException:
        return Finding("Stream", Verdict.BROKEN, "events are held back on the way", _HELD_BACK)
    except httpx2.HTTPError:
        pass  # the same as a stream that ended
    detail = "the stream ended before its first event"
    return Finding("Stream", Verdict.BROKEN, detail, "see the log of the server, or of the proxy")
