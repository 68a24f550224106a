"""Floor 6: problems, the one place where an error becomes an HTTP answer.

Rule 1: our routes answer RFC 9457 problem documents with `code`; the seed's routes keep the three
    shapes its clients know (`ErrorShape`).
Rule 2: a message says what to do; text of a foreign exception never reaches a client.
Rule 3: what was not foreseen is 500 `internal`; the server's log has the rest.

Source: https://www.rfc-editor.org/rfc/rfc9457
"""

import math
from collections.abc import Callable, Coroutine, Mapping, Sequence
from enum import Enum, auto
from http import HTTPStatus
from typing import Any, Final, assert_never, cast

import msgspec
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from tailrace.errors import ErrorCode, TailraceError
from tailrace.events.event import JSON

Handler = Callable[[Request, Any], Coroutine[Any, Any, Response]]
"""Makes the answer to an exception."""


PROBLEM_TYPE: Final = "application/problem+json"


class ErrorShape(Enum):
    """How a route says what went wrong."""

    PROBLEM = auto()
    """An RFC 9457 problem document."""

    DETAIL = auto()
    """`{"detail": …}`, as the seed's chat, conversations and messages."""

    SUCCESS = auto()
    """`{"success": false, "error": …}`, as the seed's vaults, state, cancel and test."""

    ENVELOPE = auto()
    """`{"code": …, "status": …, "message": …}`, as the seed's health and uploads by path."""


STATUS: Final[Mapping[ErrorCode, int]] = {
    ErrorCode.INVALID_REQUEST: 422,
    ErrorCode.INVALID_CURSOR: 400,
    ErrorCode.BODY_TOO_LARGE: 413,
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.HISTORY_TRIMMED: 410,
    ErrorCode.CONFLICT: 409,
    ErrorCode.UNAUTHORIZED: 401,
    ErrorCode.FORBIDDEN_HOST: 403,
    ErrorCode.FORBIDDEN_ORIGIN: 403,
    ErrorCode.TOO_MANY_RUNS: 429,
    ErrorCode.TOO_MANY_STREAMS: 429,
    ErrorCode.TOO_MANY_CONNECTIONS: 503,
    ErrorCode.HOME_LOCKED: 503,
    ErrorCode.LIMIT_EXCEEDED: 422,
    ErrorCode.MODEL_UNAVAILABLE: 503,
    ErrorCode.MODEL_REJECTED: 502,
    ErrorCode.MODEL_UNAUTHORIZED: 502,
    ErrorCode.MODEL_NOT_FOUND: 502,
    ErrorCode.MODEL_CONTEXT_EXCEEDED: 422,
    ErrorCode.MODEL_RATE_LIMITED: 503,
    ErrorCode.MODEL_TIMEOUT: 504,
    ErrorCode.MODEL_PROTOCOL: 502,
    ErrorCode.DOCUMENT_NOT_FOUND: 404,
    ErrorCode.WEB_PAGE_UNAVAILABLE: 502,
    ErrorCode.INPUT_EXPIRED: 409,
    ErrorCode.STORAGE_FULL: 507,
    ErrorCode.STORAGE_FAILED: 503,
    ErrorCode.LOG_CORRUPT: 500,
    ErrorCode.FENCED: 409,
    ErrorCode.LOG_CLOSED: 409,
    ErrorCode.WORKER_LOST: 503,
    ErrorCode.INTERNAL: 500,
}

_SHAPES: Final[Mapping[str, ErrorShape]] = {
    "/api/agent/chat": ErrorShape.DETAIL,
    "/api/agent/resume": ErrorShape.DETAIL,
    "/api/agent/state": ErrorShape.SUCCESS,
    "/api/agent/cancel": ErrorShape.SUCCESS,
    "/api/agent/test": ErrorShape.SUCCESS,
    "/api/vaults": ErrorShape.SUCCESS,
    "/api/context_types": ErrorShape.DETAIL,
    "/api/documents/upload": ErrorShape.ENVELOPE,
    "/api/weblinks/upload": ErrorShape.ENVELOPE,
    "/api/auth/status": ErrorShape.ENVELOPE,
    "/api/health": ErrorShape.ENVELOPE,
    "/health": ErrorShape.ENVELOPE,
}
"""The seed's routes, each with what lies below it; every other one is ours."""

_UNFORESEEN: Final = "something went wrong here that nobody foresaw; the server's log has more"
_NOT_JSON: Final = "send a JSON object, with the header Content-Type: application/json"
_UNREADABLE: Final = "the body could not be read; " + _NOT_JSON
_MESSAGES: Final = {"json_invalid": _NOT_JSON, "model_attributes_type": _NOT_JSON}
_CODES: Final = {
    HTTPStatus.NOT_FOUND: ErrorCode.NOT_FOUND,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ErrorCode.BODY_TOO_LARGE,
    HTTPStatus.UNAUTHORIZED: ErrorCode.UNAUTHORIZED,
}
_DETAILS: Final = {
    HTTPStatus.NOT_FOUND: "there is nothing here; /openapi.json lists what there is",
    HTTPStatus.METHOD_NOT_ALLOWED: "this route takes another method; see the header Allow",
}
_MOST_ERRORS: Final = 10
_STATUS_KEY: Final = "status"


def shape_of(path: str) -> ErrorShape:
    """How the route at `path` says what went wrong."""
    found = (shape for route, shape in _SHAPES.items() if f"{path}/".startswith(f"{route}/"))
    return next(found, ErrorShape.PROBLEM)


def problem(
    code: ErrorCode,
    detail: str,
    *,
    status: int | None = None,
    retry_after_s: float | None = None,
    headers: Mapping[str, str] | None = None,
    shape: ErrorShape = ErrorShape.PROBLEM,
    snapshot_url: str | None = None,
) -> Response:
    """The answer that says what went wrong; `status` follows from `code` where not given."""
    status = STATUS[code] if status is None else status
    out = dict(headers or {})
    if retry_after_s is not None:
        out["retry-after"] = str(max(1, math.ceil(retry_after_s)))
    if status == HTTPStatus.UNAUTHORIZED:
        out["www-authenticate"] = "Bearer"
    match shape:
        case ErrorShape.DETAIL:
            return _json({"detail": detail}, status, out)
        case ErrorShape.SUCCESS:
            return _json({"success": False, "error": detail}, status, out)
        case ErrorShape.ENVELOPE:
            return _json({"code": status, _STATUS_KEY: status, "message": detail}, status, out)
        case ErrorShape.PROBLEM:
            body = _document(code, detail, status, retry_after_s)
            if snapshot_url is not None:
                body["snapshot_url"] = snapshot_url
            return _json(body, status, out, PROBLEM_TYPE)
    assert_never(shape)


class RefusedError(HTTPException):
    """A body that is refused while it is read; an HTTPException, as the framework passes on."""

    def __init__(
        self,
        code: ErrorCode,
        detail: str,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status or STATUS[code], detail, headers)
        self.code = code


async def on_tailrace_error(request: Request, error: TailraceError) -> Response:
    """The answer to an error of ours."""
    return problem(
        error.code,
        error.message,
        retry_after_s=error.retry_after_s,
        shape=shape_of(_path(request)),
    )


async def on_http_error(request: Request, error: HTTPException) -> Response:
    """The answer to what the framework refuses: no such route, another method, no readable body."""
    status = HTTPStatus(error.status_code)
    if isinstance(error, RefusedError):
        code, detail = error.code, error.detail
    elif status is HTTPStatus.BAD_REQUEST:  # bytes that are no text: as text that is no JSON
        status, code, detail = (
            HTTPStatus.UNPROCESSABLE_ENTITY,
            ErrorCode.INVALID_REQUEST,
            _UNREADABLE,
        )
    else:
        code = _CODES.get(status, ErrorCode.INVALID_REQUEST)
        detail = _DETAILS.get(status, status.description or status.phrase)
    return problem(
        code,
        detail,
        status=status,
        headers=error.headers,
        shape=shape_of(_path(request)),
    )


async def on_invalid(request: Request, error: RequestValidationError) -> Response:
    """The answer to a request that does not have the form it should."""
    errors = [_plain(each) for each in error.errors()[:_MOST_ERRORS]]
    status = HTTPStatus.UNPROCESSABLE_ENTITY.value
    shape = shape_of(_path(request))
    if shape is ErrorShape.DETAIL:  # the framework's own list, which the seed passes on
        return _json({"detail": cast("list[JSON]", errors)}, status, {})
    detail = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in errors)
    return problem(ErrorCode.INVALID_REQUEST, detail, status=status, shape=shape)


async def on_unforeseen(request: Request, _error: Exception) -> Response:
    """The answer to any other exception; the framework raises it again, and the server logs it."""
    return problem(ErrorCode.INTERNAL, _UNFORESEEN, shape=shape_of(_path(request)))


HANDLERS: Final[Mapping[int | type[Exception], Handler]] = {
    TailraceError: on_tailrace_error,
    HTTPException: on_http_error,
    RequestValidationError: on_invalid,
    Exception: on_unforeseen,
}


def route_path(scope: Mapping[str, Any]) -> str:
    """The path of a request below the place this application is mounted at."""
    root = cast("str", scope.get("root_path") or "")
    return cast("str", scope["path"]).removeprefix(root)


def _path(request: Request) -> str:
    return route_path(request.scope)


def _plain(error: Mapping[str, Any]) -> dict[str, Any]:
    """The error without what the client sent, which may be long."""
    loc: Sequence[str | int] = error["loc"]
    bodyless = error["type"] == "missing" and tuple(loc) == ("body",)
    msg = _NOT_JSON if bodyless else _MESSAGES.get(error["type"], error["msg"])
    return {"loc": list(loc), "msg": msg, "type": error["type"]}


def _document(
    code: ErrorCode, detail: str, status: int, retry_after_s: float | None
) -> dict[str, JSON]:
    body: dict[str, JSON] = {
        "type": f"urn:tailrace:problem:{code.value}",
        "title": code.value.replace("_", " ").capitalize(),
        _STATUS_KEY: status,
        "detail": detail,
        "code": code.value,
    }
    if retry_after_s is not None:
        body["retry_after_s"] = retry_after_s
    return body


def _json(
    body: dict[str, JSON],
    status: int,
    headers: Mapping[str, str],
    media_type: str = "application/json",
) -> Response:
    return Response(msgspec.json.encode(body), status, dict(headers), media_type)
