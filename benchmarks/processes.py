"""The sides of a benchmark: each a server in a process of its own, looked at from outside."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
BUILD = HERE.parent / "build"
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class Side:
    """One server.

    Attributes:
        url: Where it is.
        host: Its address, for sockets.
        port: Its port.
        pid: Of its process.
    """

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        line = process.stdout.readline().split()
        assert line, "the server did not start"
        self.url = line[-1]
        host, _, port = self.url.removeprefix("http://").partition(":")
        self.host, self.port = host, int(port.partition("/")[0])
        self.pid = process.pid
        self._proc = Path("/proc") / str(process.pid)

    def cpu_s(self) -> float:
        """CPU time of the process so far, all threads, user and system; to 10 ms."""
        fields = (self._proc / "stat").read_text("ascii").rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) * _TICK_S

    def memory_bytes(self) -> int:
        """What of it is in memory."""
        return int((self._proc / "statm").read_text("ascii").split()[1]) * _PAGE_BYTES


@contextmanager
def side(
    script: str, *options: str, environment: Mapping[str, str] | None = None
) -> Generator[Side]:
    """`benchmarks/<script>.py` in a home of its own, on the disk the project is on."""
    with home() as folder:
        command = [sys.executable, str(HERE / f"{script}.py"), str(folder), *options]
        with started(command, environment) as server:
            yield server


@contextmanager
def tailrace_server(llm_url: str, environment: Mapping[str, str] | None = None) -> Generator[Side]:
    """`tailrace serve` on a home of its own, with the model at `llm_url`."""
    with home() as folder:
        variables = {
            "TAILRACE_HOME": str(folder),
            "TAILRACE_LLM_URL": llm_url,
            "TAILRACE_LLM_MODEL": "scripted",
            **(environment or {}),
        }
        with started(
            [sys.executable, "-m", "tailrace", "serve", "--port", "0"], variables
        ) as server:
            yield server


@contextmanager
def scripted_model(text: str, repeat: int, rate: float) -> Generator[Side]:
    """A scripted model in a process of its own; it answers `text`, `repeat` times."""
    script = ["--text", text, "--repeat", str(repeat), "--rate", str(rate)]
    command = [sys.executable, "-m", "tailrace.testing.model_server", *script]
    with started([*command, "--intent", "simple_chat"]) as server:
        yield server


@contextmanager
def started(command: list[str], environment: Mapping[str, str] | None = None) -> Generator[Side]:
    """A server that says its URL in the first line it prints; it ends with the block."""
    process = subprocess.Popen(
        command,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield Side(process)
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def home() -> Generator[Path]:
    """An empty folder on the disk the project is on, not in memory."""
    BUILD.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=BUILD))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
