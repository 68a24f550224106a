"""Floor 7: what `tailrace doctor` looks at in a model's endpoint."""

from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

import httpx2

from tailrace.cli.finding import Finding, Verdict
from tailrace.errors import InvalidRequestError
from tailrace.llm.chat_protocol import models_url
from tailrace.llm.first_model import listed_models
from tailrace.llm.package_index import redacted
from tailrace.settings import Settings

_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_TIMEOUT_S: Final = 5.0
_KEY_REFUSED: Final = frozenset({401, 403})
_SHOWN: Final = 5


def check_endpoint(settings: Settings) -> Finding:
    """Whether the endpoint answers, takes the key, and has the model."""
    try:
        url = models_url(settings.llm_url)
    except InvalidRequestError as error:
        return Finding("Model", Verdict.BROKEN, error.message, "correct TAILRACE_LLM_URL")
    shown = redacted(settings.llm_url.strip())
    key = settings.llm_api_key.strip()
    headers = {"authorization": f"Bearer {key}"} if key else {}
    trusts_environment = urlsplit(url).hostname not in _LOOPBACK
    try:
        with httpx2.Client(trust_env=trusts_environment, timeout=_TIMEOUT_S) as client:
            response = client.get(url, headers=headers)
    except (httpx2.HTTPError, httpx2.InvalidURL):
        advice = "start it, or correct TAILRACE_LLM_URL"
        return Finding("Model", Verdict.BROKEN, f"{shown} does not answer", advice)
    if response.status_code in _KEY_REFUSED:
        advice = "set TAILRACE_LLM_API_KEY to a key it knows"
        return Finding("Model", Verdict.BROKEN, f"{shown} refuses the key", advice)
    if response.status_code != HTTPStatus.OK:
        detail = f"{shown} answers, but does not list its models ({response.status_code})"
        advice = "check the path in TAILRACE_LLM_URL; with most servers it is /v1"
        return Finding("Model", Verdict.NOTE, detail, advice)
    return _model(shown, settings.llm_model, listed_models(response.content))


def _model(shown: str, wanted: str, names: list[str]) -> Finding:
    if wanted and names and wanted not in names:
        has = ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
        advice = f"set TAILRACE_LLM_MODEL to one it has: {has}"
        return Finding("Model", Verdict.NOTE, f"{shown} does not list {wanted}", advice)
    name = wanted or next(iter(names), "the one model it has")
    return Finding("Model", Verdict.OK, f"{shown} answers, with {name}")
