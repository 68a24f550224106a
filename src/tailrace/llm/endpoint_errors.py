"""Floor 1: what went wrong at a model's endpoint, in our words.

Rule 1: a message says what happened and what to do, and holds nothing the endpoint wrote.
Rule 2: what the endpoint wrote goes to the log file, shortened and without the key.
"""

import logging
import re
from collections.abc import Collection
from typing import Final

from tailrace.errors import (
    ErrorCode,
    ModelError,
    ModelProtocolError,
    ModelRateLimitedError,
    ModelRejectedError,
    ModelUnavailableError,
)

logger: Final = logging.getLogger(__name__)

_MAX_DETAIL: Final = 500
_SERVER_ERROR: Final = 500
_CLIENT_ERROR: Final = 400
_OK: Final = 200
_PAYMENT: Final = 402
_TOO_LARGE: Final = 413
_RATE: Final = 429

_CONTEXT = re.compile(
    r"exceed_context_size|context_length_exceeded|context[ _](length|size|window)"
    r"|prompt is too long|input is too long|too many (input )?tokens",
    re.IGNORECASE,
)
_UNKNOWN_FIELD = re.compile(
    r"unsupported|not supported|does not support|unknown|unrecogni[sz]ed|unexpected|extra"
    r"|not permitted|not allowed|forbidden",
    re.IGNORECASE,
)
_QUOTA = re.compile(r"insufficient_quota|exceeded your current quota", re.IGNORECASE)
_RATE_WORDS = re.compile(r"rate.?limit|too many requests|\b429\b", re.IGNORECASE)


class UnknownFieldError(ModelRejectedError):
    """The endpoint does not know an optional field; the call can be repeated without it.

    Attributes:
        field: Which one.
    """

    def __init__(self, message: str, *, field: str) -> None:
        super().__init__(message)
        self.field = field


def error_of_status(
    status: int, body: str, *, model: str, origin: str, retry_after_s: float | None
) -> ModelError:
    """The error that an HTTP status other than 200 stands for."""
    if status in {401, 403}:
        msg = (
            f"the model endpoint {origin} refused the API key; "
            "set TAILRACE_LLM_API_KEY to one it knows"
        )
        return ModelRejectedError(msg, code=ErrorCode.MODEL_UNAUTHORIZED)
    if status == _RATE:
        return _rate_limited(body, origin, retry_after_s)
    if _CLIENT_ERROR <= status < _SERVER_ERROR:
        return _rejected(status, body, model, origin)
    if status >= _SERVER_ERROR:
        msg = f"the model endpoint {origin} failed with status {status}; try again"
        return ModelUnavailableError(msg, retry_after_s=retry_after_s)
    msg = (
        f"the model endpoint {origin} answered with status {status} instead of {_OK}; "
        "check that the URL is that of an OpenAI-compatible API"
    )
    return ModelProtocolError(msg, retryable=False)


def error_of_event(raw: str, *, model: str, origin: str) -> ModelError:
    """The error that an endpoint reported in the middle of its stream."""
    if _CONTEXT.search(raw):
        return _context_exceeded(origin)
    if _RATE_WORDS.search(raw):
        return _rate_limited(raw, origin, None)
    msg = f"the model endpoint {origin} broke off with an error while {model!r} answered; try again"
    return ModelUnavailableError(msg)


def unknown_field(status: int, body: str, sent: Collection[str]) -> str | None:
    """Which of the fields in `sent` a refusal complains about; None where it is about another."""
    if status not in {400, 422} or _CONTEXT.search(body) or not _UNKNOWN_FIELD.search(body):
        return None
    return next((name for name in sent if re.search(rf"\b{name}\b", body)), None)


def log_detail(origin: str, what: str, detail: str, api_key: str) -> None:
    """Write what the endpoint said to the log file."""
    shown = detail[:_MAX_DETAIL]
    if api_key:
        shown = shown.replace(api_key, "***")
    logger.warning("model endpoint %s: %s: %r", origin, what, shown)


def _rejected(status: int, body: str, model: str, origin: str) -> ModelError:
    if status == _TOO_LARGE or _CONTEXT.search(body):
        return _context_exceeded(origin)
    if status == 404:  # noqa: PLR2004 - the one number everybody knows
        msg = (
            f"the model endpoint {origin} has no model {model!r} at this address; "
            "check TAILRACE_LLM_MODEL and TAILRACE_LLM_URL"
        )
        return ModelRejectedError(msg, code=ErrorCode.MODEL_NOT_FOUND)
    if status == _PAYMENT:
        msg = f"the model endpoint {origin} asks to be paid first; check the account's balance"
        return ModelRejectedError(msg)
    msg = (
        f"the model endpoint {origin} refused the request with status {status}; "
        "the log file has its reason"
    )
    return ModelRejectedError(msg)


def _context_exceeded(origin: str) -> ModelError:
    msg = (
        f"the question with its sources and history is longer than the model at {origin} can "
        "read; ask a shorter one, start a new conversation, or use a model that reads more"
    )
    return ModelRejectedError(msg, code=ErrorCode.MODEL_CONTEXT_EXCEEDED)


def _rate_limited(body: str, origin: str, retry_after_s: float | None) -> ModelError:
    if _QUOTA.search(body):
        msg = f"the account at the model endpoint {origin} has used up its quota"
        return ModelRateLimitedError(msg, retryable=False)
    when = "later" if retry_after_s is None else f"in {retry_after_s:.0f} s"
    msg = f"the model endpoint {origin} gets too many requests; try again {when}"
    return ModelRateLimitedError(msg, retry_after_s=retry_after_s)
