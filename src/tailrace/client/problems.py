"""Floor 1: from a server's refusal back to the error it was. Pure.

Source: https://www.rfc-editor.org/rfc/rfc9457
"""

from http import HTTPStatus

import msgspec

from tailrace.errors import (
    ConflictError,
    ErrorCode,
    InvalidRequestError,
    NotFoundError,
    TailraceError,
)


class _Problem(msgspec.Struct):
    title: str = ""
    detail: str = ""
    code: str = ""


def problem_of(status: int, body: bytes) -> TailraceError:
    """The error behind a response of `status`."""
    try:
        problem = msgspec.json.decode(body, type=_Problem)
    except msgspec.DecodeError:
        problem = _Problem()
    message = problem.detail or problem.title or f"the server refused with status {status}"
    code = ErrorCode(problem.code) if problem.code in list(ErrorCode) else None
    match status:
        case HTTPStatus.NOT_FOUND:
            return NotFoundError(message, code=code)
        case HTTPStatus.CONFLICT:
            return ConflictError(message, code=code)
        case HTTPStatus.BAD_REQUEST | HTTPStatus.UNPROCESSABLE_ENTITY:
            return InvalidRequestError(message, code=code)
        case _:
            return TailraceError(message, code=code)


def unreachable(url: str) -> TailraceError:
    """The error where nothing came back from the server at `url`."""
    msg = f"the server at {url} does not answer; is it running, and is that its address?"
    return TailraceError(msg, retryable=True)
