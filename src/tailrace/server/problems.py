"""Floor 6: problems, the one place where an error becomes an HTTP answer.

Rule 1: our routes answer RFC 9457 problem documents with `code`; the seed's routes keep their own
    shape, `{"detail": …}`.
Rule 2: a message says what to do; text of a foreign exception never reaches a client.
Rule 3: what was not foreseen is 500 `internal`; the server's log has the rest.

Source: https://www.rfc-editor.org/rfc/rfc9457
"""

import math
from collections.abc import Callable, Coroutine, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final, cast

import msgspec
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from tailrace.errors import ErrorCode, TailraceError
from tailrace.events.event import JSON

Handler = Callable[[Request, Any], Coroutine[Any, Any, Response]]
"""Makes the answer to an exception."""

STATUS: Final[Mapping[ErrorCode, int]] = {
    ErrorCode.INVALID_REQUEST: 422,
    ErrorCode.INVALID_CURSOR: 400,
    ErrorCode.BODY_TOO_LARGE: 413,
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.CONFLICT: 409,
    ErrorCode.UNAUTHORIZED: 401,
    ErrorCode.FORBIDDEN_HOST: 403,
    ErrorCode.FORBIDDEN_ORIGIN: 403,
    ErrorCode.TOO_MANY_RUNS: 429,
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
    ErrorCode.INPUT_EXPIRED: 409,
    ErrorCode.STORAGE_FULL: 507,
    ErrorCode.STORAGE_FAILED: 503,
    ErrorCode.LOG_CORRUPT: 500,
    ErrorCode.FENCED: 409,
    ErrorCode.LOG_CLOSED: 409,
    ErrorCode.WORKER_LOST: 503,
    ErrorCode.INTERNAL: 500,
}

_SEED_PATHS: Final = ("/api/agent/chat", "/api/agent/state", "/api/agent/cancel")
_UNFORESEEN: Final = "something went wrong here that nobody foresaw; the server's log has more"
_NOT_JSON: Final = "send a JSON object, with the header Content-Type: application/json"
_MESSAGES: Final = {"json_invalid": _NOT_JSON, "model_attributes_type": _NOT_JSON}
_CODES: Final = {
    HTTPStatus.NOT_FOUND: ErrorCode.NOT_FOUND,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ErrorCode.BODY_TOO_LARGE,
    HTTPStatus.UNAUTHORIZED: ErrorCode.UNAUTHORIZED,
}
_DETAILS: Final = {
    HTTPStatus.NOT_FOUND: "there is nothing here; /openapi.json lists what there is",
    HTTPStatus.METHOD_NOT_ALLOWED: "this route takes another method; see the header Allow",
    HTTPStatus.BAD_REQUEST: "the body could not be read; " + _NOT_JSON,
}
_MOST_ERRORS: Final = 10
_STATUS_KEY: Final = "status"


def is_seed_path(path: str) -> bool:
    """Whether the route at `path` is one of the seed's, whose errors have its shape."""
    return path.startswith(_SEED_PATHS)


def problem(
    code: ErrorCode,
    detail: str,
    *,
    status: int | None = None,
    retry_after_s: float | None = None,
    headers: Mapping[str, str] | None = None,
    seed_shape: bool = False,
) -> Response:
    """The answer that says what went wrong; `status` follows from `code` where not given."""
    status = STATUS[code] if status is None else status
    out = dict(headers or {})
    if retry_after_s is not None:
        out["retry-after"] = str(max(1, math.ceil(retry_after_s)))
    if status == HTTPStatus.UNAUTHORIZED:
        out["www-authenticate"] = "Bearer"
    if seed_shape:
        return _json({"detail": detail}, status, out, "application/json")
    body: dict[str, JSON] = {
        "type": f"urn:tailrace:problem:{code.value}",
        "title": code.value.replace("_", " ").capitalize(),
        _STATUS_KEY: status,
        "detail": detail,
        "code": code.value,
    }
    if retry_after_s is not None:
        body["retry_after_s"] = retry_after_s
    return _json(body, status, out, "application/problem+json")


class RefusedError(HTTPException):
    """A body that is refused while it is read; an HTTPException, as the framework passes on."""

    def __init__(self, code: ErrorCode, detail: str, status: int | None = None) -> None:
        super().__init__(status or STATUS[code], detail)
        self.code = code


async def on_tailrace_error(request: Request, error: TailraceError) -> Response:
    """The answer to an error of ours."""
    return problem(
        error.code,
        error.message,
        retry_after_s=error.retry_after_s,
        seed_shape=is_seed_path(_path(request)),
    )


async def on_http_error(request: Request, error: HTTPException) -> Response:
    """The answer to what the framework refuses: no such route, another method, no readable body."""
    status = HTTPStatus(error.status_code)
    if isinstance(error, RefusedError):
        code, detail = error.code, error.detail
    else:
        code = _CODES.get(status, ErrorCode.INVALID_REQUEST)
        detail = _DETAILS.get(status, status.description or status.phrase)
    return problem(
        code,
        detail,
        status=status,
        headers=error.headers,
        seed_shape=is_seed_path(_path(request)),
    )


async def on_invalid(request: Request, error: RequestValidationError) -> Response:
    """The answer to a request that does not have the form it should."""
    errors = [_plain(each) for each in error.errors()[:_MOST_ERRORS]]
    status = HTTPStatus.UNPROCESSABLE_ENTITY.value
    if is_seed_path(_path(request)):
        return _json({"detail": cast("list[JSON]", errors)}, status, {}, "application/json")
    detail = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in errors)
    return problem(ErrorCode.INVALID_REQUEST, detail, status=status)


async def on_unforeseen(request: Request, _error: Exception) -> Response:
    """The answer to any other exception; the framework raises it again, and the server logs it."""
    return problem(ErrorCode.INTERNAL, _UNFORESEEN, seed_shape=is_seed_path(_path(request)))


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


def _json(
    body: dict[str, JSON], status: int, headers: Mapping[str, str], media_type: str
) -> Response:
    return Response(msgspec.json.encode(body), status, dict(headers), media_type)
