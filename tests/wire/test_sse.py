"""SSE: what is written can be read again, however it is cut, and nothing grows without bound."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.errors import WireError
from tailrace.wire.frame import Frame
from tailrace.wire.sse import ServerSentEvent, SSEDecoder, comment, encode, primer, retry

_PIECES = st.sampled_from(
    [
        *(b"\n", b"\r", b"\r\n", b"\n\n", b"\r\r", b"\xef\xbb\xbf", b"\0", b" ", b":"),
        *(b"data", b"data: ", b"data:", b"event: ", b"id: ", b"retry: ", b": ", b"7", b"x"),
        *("é".encode(), "😀".encode(), b"\xff", b"\xe4\xbd"),
    ]
)
_STREAMS = st.lists(_PIECES, max_size=40).map(b"".join)
_LINES = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]))
_FRAMES = st.builds(Frame, st.text().map(str.encode), st.none() | _LINES, st.none() | _LINES)


def _by_the_book(raw: bytes) -> tuple[list[ServerSentEvent], str, int | None, int]:
    """The specification's own steps, over the whole stream at once, with no regard to speed."""
    text = raw.decode("utf-8", "replace").removeprefix("\ufeff")
    *lines, _cut_off = re.split("\r\n|\r|\n", text)
    events: list[ServerSentEvent] = []
    data, event, id_, last_id, retry_ms, comments = "", "", "", "", None, 0
    for line in lines:
        if not line:
            last_id = id_
            if data:
                events.append(ServerSentEvent(data.removesuffix("\n"), event or "message", id_))
            data, event = "", ""
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match field:
            case "":
                comments += 1
            case "data":
                data += value + "\n"
            case "event":
                event = value
            case "id" if "\0" not in value:
                id_ = value
            case "retry" if re.fullmatch("[0-9]{1,15}", value):
                retry_ms = int(value)
            case _:
                pass
    return events, last_id, retry_ms, comments


@given(raw=_STREAMS, cuts=st.lists(st.integers(0, 200), max_size=8))
def test_any_stream_cut_anywhere_decodes_as_the_specification_says(
    raw: bytes, cuts: list[int]
) -> None:
    edges = [0, *sorted(min(cut, len(raw)) for cut in cuts), len(raw)]
    decoder = SSEDecoder()
    events = [event for start, end in pairwise(edges) for event in decoder.feed(raw[start:end])]
    found = (events, decoder.last_event_id, decoder.retry_ms, decoder.comments)
    assert found == _by_the_book(raw)


@given(frames=st.lists(_FRAMES, max_size=5), size=st.integers(1, 64))
def test_what_was_encoded_decodes_to_the_same(frames: list[Frame], size: int) -> None:
    raw = b"".join(encode(frame) for frame in frames)
    decoder = SSEDecoder()
    events = [
        event for at in range(0, len(raw), size) for event in decoder.feed(raw[at : at + size])
    ]
    expected: list[ServerSentEvent] = []
    last_id = ""
    for frame in frames:
        last_id = last_id if frame.id is None else frame.id
        data = re.sub("\r\n|\r", "\n", frame.data.decode())
        expected.append(ServerSentEvent(data, frame.event or "message", last_id))
    assert events == expected


@given(text=st.text())
def test_a_comment_is_read_as_comments_only(text: str) -> None:
    decoder = SSEDecoder()
    assert decoder.feed(comment(text) + b"data: a\n\n") == [ServerSentEvent("a")]
    assert decoder.comments == len(re.split("\r\n|\r|\n", text))


def test_the_first_bytes_of_a_stream_set_the_wait_and_the_cursor_without_an_event() -> None:
    assert comment("alive") == b": alive\n\n"
    assert retry(1500) == b"retry: 1500\n\n"
    assert primer("1-0") == b"id: 1-0\n\n"
    decoder = SSEDecoder()
    assert decoder.feed(comment("alive") + retry(1500) + primer("1-0")) == []
    assert (decoder.comments, decoder.retry_ms, decoder.last_event_id) == (1, 1500, "1-0")


def test_a_new_response_goes_on_with_the_id_of_the_one_before() -> None:
    decoder = SSEDecoder(last_event_id="1-9")
    assert decoder.feed(b"data: a\n\n") == [ServerSentEvent("a", "message", "1-9")]
    assert decoder.last_event_id == "1-9"


@pytest.mark.parametrize("bad", ["1\n2", "1\r2", "1\0", "\n"])
def test_an_id_or_a_name_that_no_reader_would_get_is_refused(bad: str) -> None:
    with pytest.raises(WireError, match="the id"):
        encode(Frame(b"{}", bad))
    with pytest.raises(WireError, match="the event"):
        encode(Frame(b"{}", None, bad))
    with pytest.raises(WireError, match="the id"):
        primer(bad)


def test_a_negative_wait_is_refused() -> None:
    with pytest.raises(WireError, match="-1 ms"):
        retry(-1)


def test_a_retry_of_thousands_of_digits_is_ignored() -> None:
    decoder = SSEDecoder()
    assert decoder.feed(b"retry: 5\nretry: " + b"9" * 5000 + b"\n\n") == []
    assert decoder.retry_ms == 5


@pytest.mark.parametrize(
    "piece",
    [b"x" * 50, b"data: " + b"x" * 14, b"data:\n", b"data: x\n", b"data: x\r\n"],
    ids=["endless line", "endless data", "empty lines of data", "lines", "lines with CRLF"],
)
def test_an_endless_event_is_refused_before_it_fills_the_memory(piece: bytes) -> None:
    decoder = SSEDecoder(max_event_bytes=1000)

    def feed_without_end() -> None:
        for _ in range(1001):
            decoder.feed(piece)

    with pytest.raises(WireError, match="larger than the 1000 bytes"):
        feed_without_end()


def test_an_event_too_large_is_refused_in_one_piece_as_well() -> None:
    raw = b"data: " + b"x" * 1000 + b"\n\n"
    with pytest.raises(WireError, match="larger"):
        SSEDecoder(max_event_bytes=1000).feed(raw)
    assert len(SSEDecoder(max_event_bytes=1006).feed(raw)) == 1


def test_what_is_not_kept_does_not_count_as_large() -> None:
    decoder = SSEDecoder(max_event_bytes=100)
    for _ in range(200):
        assert decoder.feed(b": still alive\nunknown: field\nretry: 1\nid: 1\n") == []
    assert decoder.feed(b"data: a\n\n") == [ServerSentEvent("a", "message", "1")]
    assert decoder.comments == 200
