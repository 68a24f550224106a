"""Floor 1: the child process that embeds what nobody waits for; `process.py` starts it.

Rule 1: it lives on what it reads: where its standard input ends, it ends.
Rule 2: it gives way to everything else on the machine.

A frame is its length in four bytes and then MessagePack: a `Batch` in, `Vectors` out.
"""

import os
import sys
from contextlib import suppress
from typing import BinaryIO, Final

import msgspec

from tailrace.errors import ModelUnavailableError
from tailrace.llm.minilm.model import MiniLM

LENGTH_BYTES: Final = 4
_NICENESS: Final = 10


class Batch(msgspec.Struct, frozen=True):
    """Texts to embed."""

    texts: list[str]


class Vectors(msgspec.Struct, frozen=True):
    """Their vectors, float32, one after another; or why there are none."""

    data: bytes = b""
    error: str = ""


def frame(message: Batch | Vectors) -> bytes:
    """`message` as it goes through the pipe."""
    data = msgspec.msgpack.encode(message)
    return len(data).to_bytes(LENGTH_BYTES, "big") + data


def main() -> None:
    """Answer each batch until there is no more input."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints is no answer
    with suppress(AttributeError, OSError):  # Windows has no such thing
        os.nice(_NICENESS)
    with suppress(BrokenPipeError, KeyboardInterrupt):
        _serve(sys.stdin.buffer, answers)


def _serve(batches: BinaryIO, answers: BinaryIO) -> None:
    model: MiniLM | None = None
    while header := batches.read(LENGTH_BYTES):
        data = batches.read(int.from_bytes(header, "big"))
        batch = msgspec.msgpack.decode(data, type=Batch)
        try:
            model = model or MiniLM()
            vectors = Vectors(data=b"".join(model.embed(text).tobytes() for text in batch.texts))
        except ModelUnavailableError as exc:
            vectors = Vectors(error=str(exc))
        answers.write(frame(vectors))
        answers.flush()


if __name__ == "__main__":
    main()
