"""What endpoints write, read as it is meant."""

from datetime import UTC, datetime

import pytest

from tailrace.errors import ErrorCode, ModelProtocolError, ModelTimeoutError, ModelUnavailableError
from tailrace.llm.base import FinishReason
from tailrace.llm.chat_protocol import (
    Chunk,
    ChunkDelta,
    chat_url,
    decode_chunk,
    finish_reason,
    origin_of,
    parse_object,
)
from tailrace.llm.endpoint_errors import error_of_event, error_of_status, unknown_field
from tailrace.llm.retry import RetryPolicy, parse_retry_after

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("http://h:1", "http://h:1/v1/chat/completions"),
        ("http://h:1/v1/", "http://h:1/v1/chat/completions"),
        (" https://h/api/v3 ", "https://h/api/v3/chat/completions"),
        ("https://h/v1beta/openai/", "https://h/v1beta/openai/chat/completions"),
        ("https://h/chat/completions", "https://h/chat/completions"),
        ("https://h/x?api-version=2", "https://h/x/chat/completions?api-version=2"),
    ],
)
def test_a_base_url_gives_the_chat_url(base: str, url: str) -> None:
    assert chat_url(base) == url


def test_an_origin_has_no_credentials() -> None:
    assert origin_of("https://me:secret@host:8443/v1") == "https://host:8443"


def test_a_chunk_may_lack_anything_or_have_null_for_it() -> None:
    assert decode_chunk('{"choices":null,"usage":null,"x":1}') == Chunk()
    nulls = '{"choices":[{"delta":{"content":null,"tool_calls":[{}]},"finish_reason":null}]}'
    choices = decode_chunk(nulls).choices
    assert choices is not None
    assert (choices[0].delta, choices[0].finish_reason) == (ChunkDelta(), None)


def test_an_unheard_of_finish_reason_is_other() -> None:
    assert (finish_reason("length"), finish_reason("bored")) == (
        FinishReason.LENGTH,
        FinishReason.OTHER,
    )


@pytest.mark.parametrize("text", ["", "none", "[1]", '"x"', "{", "} {"])
def test_a_reply_without_an_object_has_none(text: str) -> None:
    assert parse_object(text) is None


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ("Unsupported parameter: 'max_tokens'", "max_tokens"),
        ("extra inputs are not permitted: stream_options", "stream_options"),
        ("max_tokens is larger than 4096", None),
        ("unknown tool", None),
        ("maximum context length exceeded: unexpected max_tokens", None),
    ],
)
def test_a_refusal_names_the_field_it_is_about(body: str, field: str | None) -> None:
    assert unknown_field(400, body, ["stream_options", "max_tokens"]) == field


@pytest.mark.parametrize(
    "body",
    [
        '{"error":{"code":"context_length_exceeded"}}',
        "This model's maximum context length is 4096 tokens",
        "the prompt is too long",
    ],
)
def test_a_prompt_that_is_too_long_is_known_by_any_endpoints_words(body: str) -> None:
    error = error_of_status(400, body, model="m", origin="o", retry_after_s=None)
    event = error_of_event(body, model="m", origin="o")
    assert {error.code, event.code} == {ErrorCode.MODEL_CONTEXT_EXCEEDED}


def test_a_rate_limit_in_the_stream_is_one() -> None:
    error = error_of_event('{"error":{"code":429}}', model="m", origin="o")
    assert error.code is ErrorCode.MODEL_RATE_LIMITED


def test_a_redirect_is_no_answer() -> None:
    error = error_of_status(302, "", model="m", origin="o", retry_after_s=None)
    assert (type(error), error.retryable) == (ModelProtocolError, False)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("5", 5.0),
        ("0.5", 0.5),
        ("Thu, 01 Jan 2026 00:00:30 GMT", 30.0),
        ("Wed, 31 Dec 2025 00:00:00 GMT", 0.0),
        ("Thu, 01 Jan 2026 00:00:30 -0000", 30.0),
        ("-1", None),
        ("inf", None),
        ("nan", None),
        ("soon", None),
        ("", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str, seconds: float | None) -> None:
    assert parse_retry_after(value, NOW) == seconds


def test_waits_double_up_to_their_ceiling_and_end_with_the_tries() -> None:
    policy = RetryPolicy(retries=6, draw=lambda: 1.0)
    error = ModelUnavailableError("x")
    waits = [policy.wait_s(error, tries) for tries in range(1, 8)]
    assert waits == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0, None]


def test_a_deadline_that_passed_is_not_tried_again() -> None:
    assert RetryPolicy().wait_s(ModelTimeoutError("x"), 1) is None
