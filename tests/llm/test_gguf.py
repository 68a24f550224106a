"""The head of a model file, and what is refused as one."""

import struct
from pathlib import Path

import pytest

from tailrace.errors import InvalidRequestError
from tailrace.llm.gguf import GGUFHead, read_head


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value)) + value.encode()


def head(*pairs: bytes) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", 3, 0, len(pairs)) + b"".join(pairs)


def string_pair(key: str, value: str) -> bytes:
    return text(key) + struct.pack("<I", 8) + text(value)


def number_pair(key: str, value: int) -> bytes:
    return text(key) + struct.pack("<II", 4, value)


def words_pair(key: str, *values: str) -> bytes:
    packed = b"".join(text(value) for value in values)
    return text(key) + struct.pack("<IIQ", 9, 8, len(values)) + packed


def test_title_context_and_licence_are_read(tmp_path: Path) -> None:
    file = tmp_path / "own.gguf"
    file.write_bytes(
        head(
            string_pair("general.architecture", "llama"),
            words_pair("tokens", "a", "bc"),
            text("scale") + struct.pack("<If", 6, float("inf")),
            string_pair("general.name", "Own"),
            string_pair("general.license", "mit"),
            number_pair("llama.context_length", 2048),
        )
    )
    assert read_head(file) == GGUFHead(title="Own", context_tokens=2048, licence="mit")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>sign in to continue</html>",
        b"GGUF" + struct.pack("<IQQ", 99, 0, 0),
        b"GGUF" + struct.pack("<IQQ", 3, 0, 1 << 60),
        head(string_pair("general.name", "cut off"))[:-3],
        head(text("a") + struct.pack("<IQ", 8, 1 << 62)),
        head(text("a") + struct.pack("<I", 77)),
    ],
    ids=["empty", "html", "version", "count", "cut", "huge text", "unknown type"],
)
def test_what_is_no_model_file_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "own.gguf"
    file.write_bytes(content)
    with pytest.raises(InvalidRequestError, match=r"own\.gguf is not a GGUF model file"):
        read_head(file)
