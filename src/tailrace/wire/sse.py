"""Floor 0: server-sent events, frames to bytes and bytes to events.

Rule 1: what is written has LF line ends, one space after the colon, and data on one line wherever
    the payload has no line end: the plainest readers take that too.
Rule 2: the decoder gives the same events however its input was cut, and holds a bounded amount.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import re
from typing import Final, NoReturn

import msgspec

from tailrace.errors import WireError
from tailrace.wire.frame import Frame

MAX_EVENT_BYTES: Final = 8 * 1024 * 1024

_BOM: Final = b"\xef\xbb\xbf"
_LINE_END: Final = re.compile(rb"\r\n|\r|\n")
_NOT_IN_A_LINE: Final = re.compile("[\r\n\0]")
_RETRY_DIGITS: Final = 15  # more is no wait, and not exact in every language's numbers


def encode(frame: Frame) -> bytes:
    """The frame as one event on the wire.

    Raises:
        WireError: the id or the event name holds a line end or NUL, which no reader would get.
    """
    data = frame.data
    if b"\n" in data or b"\r" in data:
        data = b"\ndata: ".join(_LINE_END.split(data))
    head = b"" if frame.id is None else _line("id", frame.id)
    if frame.event is not None:
        head += _line("event", frame.event)
    return head + b"data: " + data + b"\n\n"


def comment(text: str) -> bytes:
    """A comment: readers skip it, but see that the line is alive."""
    lines = _LINE_END.split(text.encode())
    return b"".join([b": %b\n" % line for line in lines]) + b"\n"


def retry(milliseconds: int) -> bytes:
    """How long a reader waits before it connects again.

    Raises:
        WireError: it is negative.
    """
    if milliseconds < 0:
        msg = f"a reader cannot wait {milliseconds} ms"
        raise WireError(msg)
    return b"retry: %d\n\n" % milliseconds


def primer(id_: str) -> bytes:
    """An id without data: a reader that is cut off before the first event comes back with it.

    Raises:
        WireError: the id holds a line end or NUL.
    """
    return _line("id", id_) + b"\n"


def _line(field: str, value: str) -> bytes:
    if not value.isprintable() and _NOT_IN_A_LINE.search(value):  # the first is the cheaper
        msg = f"the {field} {value[:40]!r} holds a line end or NUL; use another {field}"
        raise WireError(msg)
    return f"{field}: {value}\n".encode()


class ServerSentEvent(msgspec.Struct, frozen=True, gc=False):
    """One event as a reader gets it.

    Attributes:
        data: The payload; its lines joined by LF.
        event: The event's name.
        id: The last id the stream has given, by this event or an earlier one; "" where none has.
    """

    data: str
    event: str = "message"
    id: str = ""


class SSEDecoder:
    """Bytes in, events out, for one response; a new response needs a new decoder.

    What stands after the last blank line when the response ends is no event, and is never given.

    Attributes:
        last_event_id: The id to ask for after a lost connection; "" where there is none.
        retry_ms: How long the server asks to wait before that; None where it did not say.
        comments: Comment lines so far: signs of life between events.
    """

    __slots__ = (
        "_data",
        "_data_size",
        "_event",
        "_head",
        "_id",
        "_max_event_bytes",
        "_partial",
        "_skip_lf",
        "comments",
        "last_event_id",
        "retry_ms",
    )

    def __init__(self, *, last_event_id: str = "", max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self.last_event_id = last_event_id
        self.retry_ms: int | None = None
        self.comments = 0
        self._id = last_event_id  # becomes `last_event_id` at the blank line
        self._event = b""
        self._data: list[bytes] = []
        self._data_size = 0
        self._partial = bytearray()  # the line that has not ended
        self._head: bytes | None = b""  # what may be a byte order mark; None once that is known
        self._skip_lf = False  # the last byte was a CR, which ended its line already
        self._max_event_bytes = max_event_bytes

    def feed(self, chunk: bytes) -> list[ServerSentEvent]:
        """The events that end within `chunk`; it may be cut anywhere, and may be empty.

        Raises:
            WireError: a line or an event is larger than `max_event_bytes`. The decoder is of no
                use afterwards: nothing tells where the next event starts.
        """
        if self._head is not None:
            chunk = self._after_byte_order_mark(chunk)
        if self._skip_lf or b"\r" in chunk:
            chunk = self._with_lf_only(chunk)
        events: list[ServerSentEvent] = []
        if self._partial:
            line, end, rest = chunk.partition(b"\n")
            self._partial += line
            if not end:
                if len(self._partial) > self._max_event_bytes:
                    self._refuse()
                return events
            line, chunk = bytes(self._partial), rest
            self._partial.clear()
            self._take_line(line, events)
        blocks = chunk.split(b"\n\n")
        tail = blocks.pop()
        if blocks:
            self._take_blocks(blocks, events)
        if tail:
            self._take_tail(tail, events)
        return events

    def _take_blocks(self, blocks: list[bytes], events: list[ServerSentEvent]) -> None:
        largest = self._max_event_bytes
        pending = bool(self._data or self._event)
        for block in blocks:
            # the usual event is a line of data and nothing else: no need to take it apart
            if (
                not pending
                and b"\n" not in block
                and block[:6] == b"data: "
                and len(block) <= largest
            ):
                self.last_event_id = self._id
                events.append(
                    ServerSentEvent(block[6:].decode("utf-8", "replace"), "message", self._id)
                )
                continue
            for line in block.split(b"\n"):
                self._take_line(line, events)
            self._dispatch(events)
            pending = False

    def _take_tail(self, tail: bytes, events: list[ServerSentEvent]) -> None:
        *lines, partial = tail.split(b"\n")
        for line in lines:
            self._take_line(line, events)
        if len(partial) > self._max_event_bytes:
            self._refuse()
        self._partial += partial

    def _take_line(self, line: bytes, events: list[ServerSentEvent]) -> None:
        if not line:
            self._dispatch(events)
            return
        if len(line) > self._max_event_bytes:
            self._refuse()
        field, _, value = line.partition(b":")
        if not field:
            self.comments += 1
        elif value[:1] == b" ":
            self._take_field(field, value[1:])
        else:
            self._take_field(field, value)

    def _take_field(self, field: bytes, value: bytes) -> None:
        if field == b"data":
            self._data.append(value)
            self._data_size += len(value) + 1  # with its line end, so empty lines count too
            if self._data_size > self._max_event_bytes:
                self._refuse()
        elif field == b"id":
            if b"\0" not in value:
                self._id = value.decode("utf-8", "replace")
        elif field == b"event":
            self._event = value
        elif field == b"retry" and value.isdigit() and len(value) <= _RETRY_DIGITS:
            self.retry_ms = int(value)

    def _dispatch(self, events: list[ServerSentEvent]) -> None:
        self.last_event_id = self._id
        if self._data:
            event = self._event.decode("utf-8", "replace") or "message"
            data = b"\n".join(self._data).decode("utf-8", "replace")
            events.append(ServerSentEvent(data, event, self._id))
            self._data.clear()
            self._data_size = 0
        self._event = b""

    def _after_byte_order_mark(self, chunk: bytes) -> bytes:
        head = (self._head or b"") + chunk
        if len(head) < len(_BOM) and _BOM.startswith(head):
            self._head = head
            return b""
        self._head = None
        return head.removeprefix(_BOM)

    def _with_lf_only(self, chunk: bytes) -> bytes:
        if not chunk:
            return chunk
        if self._skip_lf and chunk[:1] == b"\n":
            chunk = chunk[1:]
        self._skip_lf = chunk[-1:] == b"\r"
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _refuse(self) -> NoReturn:
        msg = f"a server-sent event is larger than the {self._max_event_bytes} bytes allowed"
        raise WireError(msg)
