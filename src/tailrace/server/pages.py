"""Floor 6: pages, the web page and the files it is made of.

Rule 1: what is served is what lay in `static/` when the process started, by exact name; a request
    never reaches the disk.
Rule 2: a browser asks each time whether a file changed, and is sent it only if it did.
Rule 3: a page may load, run and talk to nothing but this server, and no other site may frame it.

Addresses in the page are relative, so that it works below any prefix.
"""

import gzip
import hashlib
import re
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path, PurePath
from typing import Any, Final, cast

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from tailrace.errors import NotFoundError
from tailrace.server.shapes import Problem

router = APIRouter(tags=["page"])

STATIC: Final = Path(__file__).parent / "static"
_PAGE: Final = "agent_chat.html"
_MEDIA_TYPES: Final = {  # what the operating system thinks of a suffix differs
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".ts": "text/plain; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
_COMPRESSED: Final = frozenset({".png", ".woff2"})
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; manifest-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
_REFUSED: Final = re.compile(r"q=0(\.0*)?")
_HEADERS: Final = {
    "cache-control": "no-cache",
    "content-security-policy": _POLICY,
    "cross-origin-opener-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "vary": "accept-encoding",
    "x-content-type-options": "nosniff",
}


_OF_A_PAGE: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "The page.", "content": {"text/html": {}}}
}


class Representation(msgspec.Struct, frozen=True):
    """A file's bytes in one content encoding, with the headers that go along."""

    body: bytes
    headers: Mapping[str, str]

    @classmethod
    def of(cls, body: bytes, media_type: str, encoding: str = "") -> "Representation":
        """The bytes with their headers; `encoding` is what was done to them."""
        headers = {
            **_HEADERS,
            "content-type": media_type,
            "content-length": str(len(body)),
            "etag": f'"{hashlib.sha256(body).hexdigest()[:32]}"',
        }
        if encoding:
            headers["content-encoding"] = encoding
        return cls(body, headers)


class StaticFile(msgspec.Struct, frozen=True):
    """A file as it is served; `gzipped` is None where that would gain nothing."""

    plain: Representation
    gzipped: Representation | None


def read_files(folder: Path) -> Mapping[str, StaticFile]:
    """Every file in `folder` by its name there; hidden ones and links are left out."""
    found: dict[str, StaticFile] = {}
    for path in folder.rglob("*"):
        name = path.relative_to(folder)
        if path.is_file() and not path.is_symlink() and not _is_hidden(name):
            found[name.as_posix()] = _read(path)
    return found


@router.head("/", include_in_schema=False)
@router.get("/", summary="The page", response_class=Response, responses=_OF_A_PAGE)
async def page(request: Request) -> Response:
    """The web page: ask, follow the answer, and keep documents."""
    return _answer(request, _PAGE)


@router.head("/plain", include_in_schema=False)
@router.get("/plain", summary="The plain page", response_class=Response, responses=_OF_A_PAGE)
async def plain_page(request: Request) -> Response:
    """The page that needs no framework, wherever `/` leads."""
    return _answer(request, _PAGE)


@router.head("/static/{name:path}", include_in_schema=False)
@router.get(
    "/static/{name:path}",
    summary="A file of the page",
    response_class=Response,
    responses={404: {"model": Problem, "description": "The page has no such file."}},
)
async def static_file(request: Request, name: str) -> Response:
    """One of the files that pages are made of."""
    return _answer(request, name)


def _is_hidden(name: PurePath) -> bool:
    return any(part.startswith(".") for part in name.parts)


def _read(path: Path) -> StaticFile:
    body, suffix = path.read_bytes(), path.suffix
    media_type = _MEDIA_TYPES.get(suffix, "application/octet-stream")
    plain = Representation.of(body, media_type)
    smaller = b"" if suffix in _COMPRESSED else gzip.compress(body, mtime=0)
    if not smaller or len(smaller) >= len(body):
        return StaticFile(plain, None)
    return StaticFile(plain, Representation.of(smaller, media_type, "gzip"))


def _answer(request: Request, name: str) -> Response:
    files = cast("Mapping[str, StaticFile]", request.app.state.files)
    file = files.get(name)
    if file is None:
        msg = f"there is no file {name[:80]!r} in this version of the page"
        raise NotFoundError(msg)
    takes_gzip = _takes_gzip(request.headers.get("accept-encoding", ""))
    chosen = file.gzipped if takes_gzip and file.gzipped is not None else file.plain
    if _has(request.headers.get("if-none-match", ""), chosen.headers["etag"]):
        headers = {**_HEADERS, "etag": chosen.headers["etag"]}
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    body = b"" if request.method == "HEAD" else chosen.body
    return Response(body, headers=dict(chosen.headers))


def _takes_gzip(accepted: str) -> bool:
    """Source: https://www.rfc-editor.org/rfc/rfc9110#name-accept-encoding."""
    offers = [each.partition(";") for each in accepted.lower().split(",")]
    weights = {coding.strip(): weight.strip() for coding, _, weight in offers}
    return not _REFUSED.fullmatch(weights.get("gzip", weights.get("*", "q=0")))


def _has(candidates: str, etag: str) -> bool:
    """Source: https://www.rfc-editor.org/rfc/rfc9110#name-if-none-match."""
    known = {each.strip().removeprefix("W/") for each in candidates.split(",")}
    return etag in known or "*" in known
