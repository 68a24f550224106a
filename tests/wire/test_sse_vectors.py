"""The vectors in contracts/sse, which every client of ours runs, whatever its language."""

import json
from pathlib import Path
from typing import TypedDict

import pytest

from tailrace.wire.frame import Frame
from tailrace.wire.sse import SSEDecoder, encode

_VECTORS = Path(__file__).parents[2] / "contracts" / "sse"


class _Event(TypedDict):
    data: str
    event: str
    id: str


class _Decode(TypedDict):
    name: str
    input: str
    events: list[_Event]
    last_event_id: str
    retry_ms: int | None
    comments: int


class _Frame(TypedDict, total=False):
    data: str
    id: str
    event: str


class _Encode(TypedDict):
    name: str
    frame: _Frame
    output: str


_DECODE: list[_Decode] = json.loads((_VECTORS / "decode.json").read_text("utf-8"))["vectors"]
_ENCODE: list[_Encode] = json.loads((_VECTORS / "encode.json").read_text("utf-8"))["vectors"]


def _decoded(chunks: list[bytes]) -> tuple[list[_Event], str, int | None, int]:
    decoder = SSEDecoder()
    events = [
        _Event(data=event.data, event=event.event, id=event.id)
        for chunk in chunks
        for event in decoder.feed(chunk)
    ]
    return events, decoder.last_event_id, decoder.retry_ms, decoder.comments


@pytest.mark.parametrize("vector", _DECODE, ids=lambda vector: vector["name"])
def test_bytes_decode_as_the_vector_says_wherever_they_are_cut_once(vector: _Decode) -> None:
    raw = vector["input"].encode("latin-1")
    expected = (
        vector["events"],
        vector["last_event_id"],
        vector["retry_ms"],
        vector["comments"],
    )
    assert _decoded([raw]) == expected
    for cut in range(len(raw) + 1):
        assert _decoded([raw[:cut], b"", raw[cut:]]) == expected
    assert _decoded([raw[i : i + 1] for i in range(len(raw))]) == expected


@pytest.mark.parametrize("vector", _ENCODE, ids=lambda vector: vector["name"])
def test_a_frame_encodes_as_the_vector_says(vector: _Encode) -> None:
    asked = vector["frame"]
    frame = Frame(asked.get("data", "").encode(), asked.get("id"), asked.get("event"))
    assert encode(frame) == vector["output"].encode("latin-1")
