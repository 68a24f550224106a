"""Floor 0: Settings, everything that can be set, checked once, with its unit in its name.

Every value has a default that works on a laptop. `TAILRACE_<NAME>` in the environment sets the
value `<name>`; docs/reference/settings.md is made from this file.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec
import platformdirs

from tailrace.errors import InvalidRequestError

_PREFIX = "TAILRACE_"


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The configuration of one process.

    Attributes:
        home: The folder all data lives in.
        host: Address the server binds to.
        port: Port the server binds to; 0 for a free one.
        api_keys: `key` or `owner:key`, comma-separated; empty: no key is asked for.
        allowed_hosts: Further host names the server answers to, comma-separated.
        allowed_origins: Origins whose pages may use the server and read its answers (CORS),
            comma-separated; those of the seed's front end by default.
        llm_url: Base URL of an OpenAI-compatible endpoint; empty: the embedded model.
        llm_model: Name of the model at that endpoint, or of the embedded one.
        llm_api_key: Key for that endpoint; empty: none is sent.
        embeddings_url: Base URL of an OpenAI-compatible endpoint that embeds; empty: the model of
            the extra `vectors`, where it is installed.
        embeddings_model: Name of the embedding model at that endpoint.
        embeddings_api_key: Key for that endpoint; empty: none is sent.
        synchronous: `FULL` survives a power loss, `NORMAL` a killed process.
        connect_timeout_s: To reach the model's endpoint.
        first_token_timeout_s: From request to first token; queueing does not count, and
            prefill progress counts as life.
        between_tokens_timeout_s: Between one token and the next.
        model_call_timeout_s: One model call in all.
        run_timeout_s: One run in all, from the moment it leaves the queue; anew after an answer
            of its user.
        ingest_timeout_s: One run that reads documents in, in all.
        input_timeout_s: A run that waits for its user ends after so long without an answer.
        model_retries: Further tries of a model call that failed before its first token.
        max_retry_after_s: The longest `Retry-After` that is waited for.
        heartbeat_s: Silence after which a viewer is sent a comment.
        viewer_write_timeout_s: A viewer that takes nothing for so long is dropped.
        viewer_buffer_bytes: What may wait for one viewer.
        max_response_s: A stream's response ends after so long, or up to a tenth earlier, and its
            client rejoins; 0: never.
        max_poll_s: The longest that a long poll waits, whatever it asks for.
        request_header_timeout_s: For a client to send its request's headers.
        request_body_timeout_s: For a client to send its request's body; an upload may take longer
            as long as 64 KiB arrive a second.
        keep_alive_timeout_s: A connection without a request is closed after so long.
        max_connections: Connections at once; health checks alone are answered on further ones.
        max_streams: Streams of one owner that are open at once; one more is refused with 429.
        max_query_chars: Limit of a question.
        recall: Whether past conversations are kept searchable.
        watch_folders: Whether a server watches the folders that were added.
        rescan_s: How often a server looks at all of them, watched or not.
        web_allow_private: Whether web pages may be fetched from private addresses, too: this
            machine, its network.
        web_ports: Ports that web pages may be fetched from, comma-separated.
        web_timeout_s: To fetch one page, in all.
        max_body_bytes: Limit of a request's body.
        max_upload_bytes: Limit of a document.
        parse_timeout_s: For reading one document; a process that takes longer is killed.
        parse_memory_bytes: Memory of a process that reads documents, where the system limits it.
        max_runs_at_work: Runs that run at once, of all owners; who waits for a place takes turns.
        max_live_runs: Runs of one owner that run at once.
        max_queued_runs: Runs of one owner that wait; one more is refused with 429.
        max_waiting_runs: Runs of one owner that wait for their user; further ones do not ask back.
        max_ingestions: Runs of one owner at once that read documents in; further ones wait.
        lease_s: Where several processes share one store, a run whose process has been silent for
            so long is another's to take; it is renewed four times as often.
        max_attempts: Processes that may die of one run before it is given up.
        max_answer_tokens: Limit of one answer, passed to the model and held by us.
        max_answer_bytes: Limit of one answer in UTF-8 bytes.
        history_tokens: How much of a conversation a model is told, estimated.
        model_class: `strong`: the model says what is missing and calls tools to find it; `weak`:
            it does not. Empty: the embedded model is weak, one at an endpoint strong.
        context_rounds: Rounds of retrieval at most; without a strong model, two.
        context_calls: Calls of a strong model at most that ask what is missing.
        context_tokens: Tokens that these calls may read and write in all.
        context_timeout_s: So long it is looked for what is missing, before the answer is written.
        events_kept_s: Events of a run are let go of so long after its end, its answer is not;
            0: kept for ever.
        messages_kept_s: Conversations that were not used for so long are removed, and runs
            without one; 0: kept for ever.
        deleted_kept_s: Deleted conversations are removed after so long; 0: kept for ever.
        log_memory_bytes: Newest events of one run that stay in memory.
        models_folder: Where model files are kept; None for `models` in the user's cache.
        model_threads: Threads of the embedded model; 0 for one a physical core.
        package_index_url: The package index to fetch model slices from; empty: pip's own setting.
    """

    home: Path = msgspec.field(default_factory=lambda: Path(platformdirs.user_data_dir("tailrace")))
    host: str = "127.0.0.1"
    port: int = 1733
    api_keys: str = ""
    allowed_hosts: str = ""
    allowed_origins: str = "http://localhost:5173,http://localhost"
    llm_url: str = ""
    llm_model: str = ""
    llm_api_key: str = ""
    embeddings_url: str = ""
    embeddings_model: str = ""
    embeddings_api_key: str = ""
    synchronous: str = "FULL"
    connect_timeout_s: float = 5.0
    first_token_timeout_s: float = 60.0
    between_tokens_timeout_s: float = 30.0
    model_call_timeout_s: float = 300.0
    run_timeout_s: float = 900.0
    ingest_timeout_s: float = 24 * 3600.0
    input_timeout_s: float = 7 * 24 * 3600.0
    model_retries: int = 2
    max_retry_after_s: float = 20.0
    heartbeat_s: float = 10.0
    viewer_write_timeout_s: float = 30.0
    viewer_buffer_bytes: int = 256 * 1024
    max_response_s: float = 1800.0
    max_poll_s: float = 60.0
    request_header_timeout_s: float = 10.0
    request_body_timeout_s: float = 30.0
    keep_alive_timeout_s: float = 30.0
    max_connections: int = 12_000
    max_streams: int = 5_000
    max_query_chars: int = 32_768
    recall: bool = True
    watch_folders: bool = True
    rescan_s: float = 600.0
    web_allow_private: bool = False
    web_ports: str = "80,443"
    web_timeout_s: float = 60.0
    max_body_bytes: int = 1024 * 1024
    max_upload_bytes: int = 50 * 1024 * 1024
    parse_timeout_s: float = 120.0
    parse_memory_bytes: int = 1024 * 1024 * 1024
    max_runs_at_work: int = 256
    max_live_runs: int = 64
    max_queued_runs: int = 256
    max_waiting_runs: int = 1_000
    max_ingestions: int = 4
    lease_s: float = 10.0
    max_attempts: int = 3
    max_answer_tokens: int = 8_192
    max_answer_bytes: int = 1024 * 1024
    history_tokens: int = 2_000
    model_class: Literal["", "weak", "strong"] = ""
    context_rounds: int = 4
    context_calls: int = 8
    context_tokens: int = 24_000
    context_timeout_s: float = 60.0
    events_kept_s: float = 30 * 24 * 3600.0
    messages_kept_s: float = 0.0
    deleted_kept_s: float = 7 * 24 * 3600.0
    log_memory_bytes: int = 4 * 1024 * 1024
    models_folder: Path | None = None
    model_threads: int = 0
    package_index_url: str = ""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "Settings":
        """The settings that `environ` asks for; empty values count as unset.

        Raises:
            InvalidRequestError: a value is not of its type; the message names the variable.
        """
        values: dict[str, Any] = {}
        for name in cls.__struct_fields__:
            text = environ.get(_PREFIX + name.upper(), "").strip()
            if text:
                values[name] = text
        for name, text in values.items():
            try:
                msgspec.convert({name: text}, cls, strict=False, dec_hook=_path)
            except msgspec.ValidationError as exc:
                msg = f"{_PREFIX}{name.upper()}={text!r} cannot be used: {exc}"
                raise InvalidRequestError(msg) from exc
        return msgspec.convert(values, cls, strict=False, dec_hook=_path)

    @property
    def model_cache(self) -> Path:
        """Where model files are kept, shared between homes."""
        return self.models_folder or Path(platformdirs.user_cache_dir("tailrace")) / "models"


def _path(kind: type, value: object) -> object:
    if kind is Path and isinstance(value, str):
        return Path(value).expanduser()
    msg = f"cannot make a {kind.__name__}"
    raise NotImplementedError(msg)
