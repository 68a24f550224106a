"""Ground floor: every error Tailrace raises, and the closed list of codes a client may see.

Rule 1: a client gets `code` and a message of our own writing, never `str()` of a foreign exception.
Rule 2: each class says who erred, and so what to do: the caller, the model, or the store.

    TailraceError
    ├── InvalidRequestError        the request cannot be served as it is
    │   └── CursorError            the cursor is malformed or ahead of the log
    ├── NotFoundError              no such run, conversation, message or document
    ├── HistoryTrimmedError        these events were let go of; what they amount to is kept
    ├── RevisionTrimmedError       that text of a document was let go of
    ├── ConflictError              the thing asked for does not fit its present state
    │   └── InputExpiredError      nobody answered the run in time
    ├── WebPageError               a page of the web cannot be had or read
    ├── LimitExceededError         a limit of the run was reached
    ├── TooManyRunsError           no place in the queue; try again later
    ├── TooManyStreamsError        too many streams are open; close one, or try again later
    ├── HomeLockedError            another process owns this home
    ├── ModelError                 the model's endpoint erred
    │   ├── ModelUnavailableError  nothing answers, or no model is installed
    │   ├── ModelRejectedError     the endpoint refused the request: key, model name, size
    │   ├── ModelRateLimitedError  the endpoint asks to slow down
    │   ├── ModelTimeoutError      a deadline passed while waiting for the model
    │   └── ModelProtocolError     what came back is not what the protocol says
    ├── StoreError                 the store could not do it
    │   ├── FencedError            another attempt owns the run now
    │   │   └── LeasedError        the run is not free to be claimed
    │   ├── LogConflictError       the same range was written with other bytes
    │   ├── LogClosedError         the run has ended
    │   ├── StorageFullError       no room left on the disk
    │   └── CorruptLogError        stored bytes do not match their checksum
    ├── WireError                  bytes that cannot be framed, or a frame too large to read
    │   └── IncompleteStreamError  a run's stream did not reach its end, or something is missing
    └── WrongLoopError             used from an event loop it does not belong to
"""

from enum import StrEnum
from typing import ClassVar


class ErrorCode(StrEnum):
    """The closed list of codes that clients see; a released code is never renamed.

    What stands below a code says what it means and what to do; docs/reference/errors.md is made
    of it.
    """

    INVALID_REQUEST = "invalid_request"
    """The request has not its form or is over a limit; the message says what to change."""
    INVALID_CURSOR = "invalid_cursor"
    """It is no cursor, or one ahead of the log; watch the run again from its start."""
    BODY_TOO_LARGE = "body_too_large"
    """The body is over its limit; send less, or the long text as a document."""
    NOT_FOUND = "not_found"
    """There is none, or it is somebody else's; check the id and the key."""
    HISTORY_TRIMMED = "history_trimmed"
    """Events let go of after a while: watch from the snapshot; or an old text: read the newest."""
    CONFLICT = "conflict"
    """It does not fit the present state; look at that state, then ask again."""
    UNAUTHORIZED = "unauthorized"
    """No key, or one that is not known here; send one of TAILRACE_API_KEYS in a header."""
    FORBIDDEN_HOST = "forbidden_host"
    """The server is not known by that name; add it to TAILRACE_ALLOWED_HOSTS."""
    FORBIDDEN_ORIGIN = "forbidden_origin"
    """A page of another site asked; add that to TAILRACE_ALLOWED_ORIGINS if it may."""
    TOO_MANY_RUNS = "too_many_runs"
    """The queue is full; wait for Retry-After, or for a run to end."""
    TOO_MANY_STREAMS = "too_many_streams"
    """TAILRACE_MAX_STREAMS are open; close one, or wait for Retry-After."""
    TOO_MANY_CONNECTIONS = "too_many_connections"
    """The server has TAILRACE_MAX_CONNECTIONS; wait for Retry-After."""
    HOME_LOCKED = "home_locked"
    """Another process has this home; use that one, stop it, or set TAILRACE_HOME."""
    LIMIT_EXCEEDED = "limit_exceeded"
    """The run reached a limit and keeps what it wrote; ask for less, or raise the setting."""
    MODEL_UNAVAILABLE = "model_unavailable"
    """Nothing answers there, or no model is installed; start it, or fetch one."""
    MODEL_REJECTED = "model_rejected"
    """The endpoint refused the request; the server's log file has its reason."""
    MODEL_UNAUTHORIZED = "model_unauthorized"
    """The endpoint refused the key; set TAILRACE_LLM_API_KEY."""
    MODEL_NOT_FOUND = "model_not_found"
    """The endpoint has no such model; check TAILRACE_LLM_MODEL and TAILRACE_LLM_URL."""
    MODEL_CONTEXT_EXCEEDED = "model_context_exceeded"
    """Longer than the model reads; ask less, or begin a new conversation."""
    MODEL_RATE_LIMITED = "model_rate_limited"
    """The endpoint asks to slow down, or a quota is used up; try again later."""
    MODEL_TIMEOUT = "model_timeout"
    """The model took too long; try again, or raise the deadline that passed."""
    MODEL_PROTOCOL = "model_protocol"
    """What came is not what the protocol says; check that the URL is that of an API."""
    DOCUMENT_NOT_FOUND = "document_not_found"
    """The open document is gone or cannot be read; open another, or none."""
    WEB_PAGE_UNAVAILABLE = "web_page_unavailable"
    """The page cannot be had or read; the message says why."""
    INPUT_EXPIRED = "input_expired"
    """Nobody answered the run's question in time; ask again."""
    STORAGE_FULL = "storage_full"
    """The disk is full; free some room and ask again."""
    STORAGE_FAILED = "storage_failed"
    """The store could not be read or written; see the log file and `tailrace doctor`."""
    LOG_CORRUPT = "log_corrupt"
    """Stored bytes are not those that were written; restore a backup of the home."""
    FENCED = "fenced"
    """Another attempt owns the run; watch the run instead."""
    LOG_CLOSED = "log_closed"
    """The run has ended; nothing can be added to it."""
    WORKER_LOST = "worker_lost"
    """The process that worked on the run ended; what it wrote is kept; ask again."""
    INTERNAL = "internal"
    """Nobody foresaw this; the server's log file has the details."""


class TailraceError(Exception):
    """What every error of ours has in common.

    Attributes:
        code: What went wrong, from the closed list.
        message: A sentence for people that says what was asked, what was found, what to do.
        retryable: Whether the same request may succeed later.
        retry_after_s: When to try again, in seconds; None where unknown.
    """

    default_code: ClassVar[ErrorCode] = ErrorCode.INTERNAL
    default_retryable: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        code: ErrorCode | None = None,
        retryable: bool | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.retryable = self.default_retryable if retryable is None else retryable
        self.retry_after_s = retry_after_s


class InvalidRequestError(TailraceError):
    """The request cannot be served as it is; the message says what to change."""

    default_code = ErrorCode.INVALID_REQUEST


class CursorError(InvalidRequestError):
    """The cursor is malformed, or ahead of the log."""

    default_code = ErrorCode.INVALID_CURSOR


class NotFoundError(TailraceError):
    """There is no such run, conversation, message or document, or it is somebody else's."""

    default_code = ErrorCode.NOT_FOUND


class HistoryTrimmedError(TailraceError):
    """Events of a run that ended long ago were let go of; its snapshot and its end are kept.

    Attributes:
        run_id: The run.
        trimmed_seq: Events up to this one are gone.
    """

    default_code = ErrorCode.HISTORY_TRIMMED

    def __init__(self, run_id: str, trimmed_seq: int) -> None:
        super().__init__(
            f"the events of run {run_id} up to {trimmed_seq} were let go of, as it ended long ago; "
            "watch it with from=snapshot"
        )
        self.run_id = run_id
        self.trimmed_seq = trimmed_seq


class RevisionTrimmedError(TailraceError):
    """That revision of a document is not kept any more: newer ones took its place."""

    default_code = ErrorCode.HISTORY_TRIMMED

    def __init__(self, document_id: int, revision: int) -> None:
        super().__init__(
            f"revision {revision} of document {document_id} is not kept any more, as newer ones "
            "took its place; read the document without a revision"
        )


class ConflictError(TailraceError):
    """What was asked does not fit the present state of the thing it names."""

    default_code = ErrorCode.CONFLICT


class InputExpiredError(ConflictError):
    """Nobody answered what the run asked in time; it has ended."""

    default_code = ErrorCode.INPUT_EXPIRED


class WebPageError(TailraceError):
    """A page of the web cannot be had or read."""

    default_code = ErrorCode.WEB_PAGE_UNAVAILABLE


class LimitExceededError(TailraceError):
    """A limit of the run was reached: seconds, tokens or bytes."""

    default_code = ErrorCode.LIMIT_EXCEEDED


class TooManyRunsError(TailraceError):
    """The queue is full."""

    default_code = ErrorCode.TOO_MANY_RUNS
    default_retryable = True


class TooManyStreamsError(TailraceError):
    """As many streams are open as may be."""

    default_code = ErrorCode.TOO_MANY_STREAMS
    default_retryable = True


class HomeLockedError(TailraceError):
    """Another process owns this home; the message says which, and how to reach it."""

    default_code = ErrorCode.HOME_LOCKED


class ModelError(TailraceError):
    """The model's endpoint erred."""

    default_code = ErrorCode.MODEL_UNAVAILABLE
    default_retryable = True


class ModelUnavailableError(ModelError):
    """Nothing answers at the endpoint, it answers 5xx, or no model is installed."""


class ModelRejectedError(ModelError):
    """The endpoint refused the request: key, model name, or size."""

    default_code = ErrorCode.MODEL_REJECTED
    default_retryable = False


class ModelRateLimitedError(ModelError):
    """The endpoint asks to slow down (429); `retry_after_s` where it said when."""

    default_code = ErrorCode.MODEL_RATE_LIMITED


class ModelTimeoutError(ModelError):
    """A deadline passed while waiting: connect, first token, between tokens, or one whole call."""

    default_code = ErrorCode.MODEL_TIMEOUT


class ModelProtocolError(ModelError):
    """What came back is not what the protocol says: no JSON, wrong content type, cut, empty."""

    default_code = ErrorCode.MODEL_PROTOCOL


class StoreError(TailraceError):
    """The store could not do it."""

    default_code = ErrorCode.STORAGE_FAILED


class FencedError(StoreError):
    """Another attempt owns the run now; whoever sees this stops and writes nothing more."""

    default_code = ErrorCode.FENCED


class LeasedError(FencedError):
    """The run is not free: another worker's lease holds, or it waits for its user."""


class LogConflictError(StoreError):
    """The same range of the log was written before with other bytes."""

    default_code = ErrorCode.INTERNAL


class LogClosedError(StoreError):
    """The run has ended; nothing can be appended to its log."""

    default_code = ErrorCode.LOG_CLOSED


class StorageFullError(StoreError):
    """The disk has no room left."""

    default_code = ErrorCode.STORAGE_FULL
    default_retryable = True


class CorruptLogError(StoreError):
    """Stored bytes do not match their checksum."""

    default_code = ErrorCode.LOG_CORRUPT


class WrongLoopError(TailraceError):
    """A run's manager was used from an event loop it does not belong to."""


class WireError(TailraceError):
    """Bytes that cannot be framed, or a frame too large to read."""


class IncompleteStreamError(WireError):
    """A run's stream did not reach its end, or what came is not what was written.

    Attributes:
        cursor: The id of the last event that arrived, to watch on from; "" where none did.
    """

    default_retryable = True

    def __init__(self, message: str, *, cursor: str) -> None:
        super().__init__(message)
        self.cursor = cursor
