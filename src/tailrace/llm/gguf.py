"""Floor 1: what the head of a model file says, without reading its weights.

Rule 1: a file that is no GGUF is refused before anything tries to run it.
Rule 2: bytes come from anywhere, so every length is checked before it is believed.

Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

import struct
from pathlib import Path
from typing import BinaryIO

import msgspec

from tailrace.errors import InvalidRequestError

_MAGIC = b"GGUF"
_MAX_PAIRS = 10_000
_MAX_STRING_BYTES = 1 << 24
_MAX_ARRAY_ITEMS = 1 << 24
_SCALARS = dict(zip((0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12), "BbHhIif?Qqd", strict=True))
_STRING = 8
_ARRAY = 9


class GGUFHead(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a model file; None where its head does not say.

    Attributes:
        title: The model's own name.
        context_tokens: How much it was trained to read.
        licence: Of its weights, as its makers wrote it.
    """

    title: str | None = None
    context_tokens: int | None = None
    licence: str | None = None


def read_head(path: Path) -> GGUFHead:
    """The head of the model file at `path`.

    Raises:
        InvalidRequestError: it is no model file that llama.cpp reads.
    """
    try:
        with path.open("rb") as file:
            pairs = _read_pairs(file)
    except (struct.error, ValueError, OSError) as exc:
        msg = f"{path.name} is not a GGUF model file: {exc}"
        raise InvalidRequestError(msg) from exc
    architecture = pairs.get("general.architecture")
    context = pairs.get(f"{architecture}.context_length")
    title, licence = pairs.get("general.name"), pairs.get("general.license")
    return GGUFHead(
        title=title if isinstance(title, str) else None,
        context_tokens=context if isinstance(context, int) and context > 0 else None,
        licence=licence if isinstance(licence, str) else None,
    )


def _read_pairs(file: BinaryIO) -> dict[str, str | int]:
    magic = file.read(len(_MAGIC))
    if magic != _MAGIC:
        msg = f"it starts with {magic!r}, not with {_MAGIC!r}"
        raise ValueError(msg)
    version, _tensors, count = _unpack(file, "IQQ")
    if version not in {2, 3} or count > _MAX_PAIRS:
        msg = f"version {version} with {count} entries is not supported"
        raise ValueError(msg)
    pairs: dict[str, str | int] = {}
    for _ in range(count):
        key = _read_string(file)
        (kind,) = _unpack(file, "I")
        if kind == _STRING:
            pairs[key] = _read_string(file)
        elif kind == _ARRAY:
            _skip_array(file)
        else:
            layout = _scalar(kind)
            (value,) = _unpack(file, layout)
            if layout not in "fd":
                pairs[key] = value
    return pairs


def _unpack(file: BinaryIO, layout: str) -> tuple[int, ...]:
    packed = struct.Struct(f"<{layout}")
    return packed.unpack(file.read(packed.size))


def _scalar(kind: int) -> str:
    if kind not in _SCALARS:
        msg = f"value type {kind} is unknown"
        raise ValueError(msg)
    return _SCALARS[kind]


def _read_string(file: BinaryIO) -> str:
    size = _string_size(file)
    text = file.read(size)
    if len(text) != size:
        msg = "it ends in the middle of its head"
        raise ValueError(msg)
    return text.decode("utf-8", errors="replace")


def _string_size(file: BinaryIO) -> int:
    (size,) = _unpack(file, "Q")
    if size > _MAX_STRING_BYTES:
        msg = f"a text of {size} bytes is not plausible"
        raise ValueError(msg)
    return size


def _skip_array(file: BinaryIO) -> None:
    kind, count = _unpack(file, "IQ")
    if count > _MAX_ARRAY_ITEMS:
        msg = f"a list of {count} items is not plausible"
        raise ValueError(msg)
    if kind == _STRING:
        for _ in range(count):
            file.seek(_string_size(file), 1)
    else:
        file.seek(count * struct.calcsize(f"<{_scalar(kind)}"), 1)
