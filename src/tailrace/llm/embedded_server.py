"""Floor 1: the child process, one model behind llama.cpp's own HTTP server, for its parent alone.

Started as `python -m tailrace.llm.embedded_server`. It reads one line of JSON (`ServerConfig`)
from its standard input, writes one line of JSON (`ServerReady`) to its standard output when the
model is loaded, and ends when its standard input does: with its parent, however that died.

Rule 1: the key comes through the pipe, so no other process can read it from a command line.
Rule 2: threads that wait do not spin: `OMP_WAIT_POLICY` is set before the runtime is loaded.
Rule 3: the prompt is read in small batches, so that a reader who left is noticed between two.

Exit codes: 0 parent gone, 2 no usable configuration, 3 no runtime, 4 the model cannot be loaded.
"""

import importlib
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Protocol, cast

import msgspec

BAD_CONFIG, NO_RUNTIME, BAD_MODEL = 2, 3, 4
_BATCH_TOKENS = 128
_PROMPT_CACHE_MIB = 512


class ServerConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What the parent asks for.

    Attributes:
        path: The model file.
        name: What the model is called in requests.
        api_key: What every request must carry.
        context_tokens: How much it reads and writes at most.
        threads: Threads that compute; 0 for what the runtime finds best.
    """

    path: str
    name: str
    api_key: str
    context_tokens: int
    threads: int


class ServerReady(msgspec.Struct, frozen=True, kw_only=True):
    """What the child says when it can be asked."""

    url: str


class _Model(Protocol):
    path: str


class _Cpu(Protocol):
    n_threads: int


class _Parameters(Protocol):
    """What we set of `xllamacpp.CommonParams`; the package has no types of its own."""

    model: _Model
    model_alias: set[str]
    api_keys: list[str]
    hostnames: list[str]
    port: int
    n_ctx: int
    n_parallel: int
    n_batch: int
    n_ubatch: int
    cache_ram_mib: int
    verbosity: int
    ui: bool
    endpoint_slots: bool
    offline: bool
    cpuparams: _Cpu
    cpuparams_batch: _Cpu


class _Server(Protocol):
    listening_address: str


class _Runtime(Protocol):
    """What we use of `xllamacpp`."""

    def CommonParams(self) -> _Parameters: ...  # noqa: N802 - their name

    def Server(self, parameters: _Parameters) -> _Server: ...  # noqa: N802 - their name


def main() -> int:
    """Serve until the parent is gone."""
    os.environ["OMP_WAIT_POLICY"] = "passive"
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C in the terminal is the parent's
    try:
        config = msgspec.json.decode(sys.stdin.buffer.readline(), type=ServerConfig)
    except msgspec.DecodeError as exc:
        sys.stderr.write(f"no usable configuration: {exc}\n")
        return BAD_CONFIG
    parent = threading.Thread(target=_end_with_parent, name="parent", daemon=True)
    parent.start()
    try:
        runtime = cast("_Runtime", importlib.import_module("xllamacpp"))
    except ImportError as exc:
        sys.stderr.write(f"the runtime cannot be loaded: {exc}\n")
        return NO_RUNTIME
    try:
        server = runtime.Server(_configured(runtime.CommonParams(), config))
    except (RuntimeError, ValueError) as exc:
        sys.stderr.write(f"{Path(config.path).name} cannot be loaded: {exc}\n")
        return BAD_MODEL
    ready = ServerReady(url=server.listening_address)
    sys.stdout.buffer.write(msgspec.json.encode(ready) + b"\n")
    sys.stdout.buffer.flush()
    parent.join()  # which ends the process
    return 0


def _configured(parameters: _Parameters, config: ServerConfig) -> _Parameters:
    parameters.model.path = config.path
    parameters.model_alias = {config.name}
    parameters.api_keys = [config.api_key]
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    parameters.n_ctx = config.context_tokens
    parameters.n_parallel = 1
    parameters.n_batch = _BATCH_TOKENS
    parameters.n_ubatch = _BATCH_TOKENS
    parameters.cache_ram_mib = _PROMPT_CACHE_MIB
    parameters.verbosity = 0
    parameters.ui = False
    parameters.endpoint_slots = False
    parameters.offline = True
    if config.threads:
        parameters.cpuparams.n_threads = config.threads
        parameters.cpuparams_batch.n_threads = config.threads
    return parameters


def _end_with_parent() -> None:
    while os.read(sys.stdin.fileno(), 1):  # the buffered reader would be locked at exit
        pass
    os._exit(0)  # the runtime's threads may be computing; nothing here needs to be saved


if __name__ == "__main__":
    sys.exit(main())
