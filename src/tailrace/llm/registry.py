"""Floor 1: the registry of model clients, the only module that names a concrete one.

Rule 1: nothing leaves the machine unless the person chose it: only `Settings.llm_url` counts.
Rule 2: opening a client neither connects nor starts anything; its first call does.
"""

from urllib.parse import urlsplit

from tailrace.llm.base import LLMClient
from tailrace.llm.chat_protocol import chat_url
from tailrace.llm.deadline import ModelTimeouts
from tailrace.llm.embedded import EmbeddedClient
from tailrace.llm.embedding import Embedder
from tailrace.llm.embeddings_endpoint import EndpointEmbedder, embeddings_url
from tailrace.llm.first_model import FirstModelClient
from tailrace.llm.library import ModelLibrary
from tailrace.llm.minilm.embedder import MiniLMEmbedder
from tailrace.llm.minilm.model import is_installed
from tailrace.llm.openai_compatible import OpenAICompatibleClient, is_loopback
from tailrace.llm.retry import RetryPolicy
from tailrace.settings import Settings


def open_library(settings: Settings) -> ModelLibrary:
    """The model files of this machine."""
    return ModelLibrary(settings.model_cache, package_index_url=settings.package_index_url)


def open_llm(settings: Settings, library: ModelLibrary | None = None) -> LLMClient:
    """The model that `settings` name: one behind a URL, or else the embedded one.

    Raises:
        InvalidRequestError: the URL or the key cannot be used.
    """
    if settings.llm_url:
        return _remote(settings)
    timeouts = _timeouts(settings)

    def connect(base_url: str, api_key: str, model: str) -> LLMClient:
        return OpenAICompatibleClient(
            base_url=base_url,
            model=model,
            api_key=api_key,
            timeouts=timeouts,
            retries=RetryPolicy(retries=0),  # a child that died is started anew instead
            asks_progress=True,
        )

    return EmbeddedClient(
        library=library or open_library(settings),
        connect=connect,
        model=settings.llm_model,
        threads=settings.model_threads,
    )


def open_embedder(settings: Settings) -> Embedder | None:
    """The embedding model that `settings` name, or else the one that comes as a package.

    None where neither is there: words alone are searched then.

    Raises:
        InvalidRequestError: the URL or the key cannot be used, or no model is named.
    """
    if not settings.embeddings_url:
        return MiniLMEmbedder() if is_installed() else None
    url = embeddings_url(settings.embeddings_url)
    return EndpointEmbedder(
        url=url,
        model=settings.embeddings_model,
        api_key=settings.embeddings_api_key,
        connect_timeout_s=settings.connect_timeout_s,
        retries=RetryPolicy(
            retries=settings.model_retries, max_retry_after_s=settings.max_retry_after_s
        ),
        trust_env=not is_loopback(urlsplit(url).hostname or ""),
    )


def _remote(settings: Settings) -> LLMClient:
    def connect(model: str) -> LLMClient:
        return OpenAICompatibleClient(
            base_url=settings.llm_url,
            model=model,
            api_key=settings.llm_api_key,
            timeouts=_timeouts(settings),
            retries=RetryPolicy(
                retries=settings.model_retries, max_retry_after_s=settings.max_retry_after_s
            ),
        )

    if settings.llm_model:
        return connect(settings.llm_model)
    return FirstModelClient(
        base_url=settings.llm_url,
        api_key=settings.llm_api_key,
        connect=connect,
        timeout_s=settings.connect_timeout_s,
        trust_env=not is_loopback(urlsplit(chat_url(settings.llm_url)).hostname or ""),
    )


def _timeouts(settings: Settings) -> ModelTimeouts:
    return ModelTimeouts(
        connect_s=settings.connect_timeout_s,
        first_token_s=settings.first_token_timeout_s,
        between_tokens_s=settings.between_tokens_timeout_s,
        total_s=settings.model_call_timeout_s,
    )
