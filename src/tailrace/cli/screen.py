"""Floor 7: Screen, how a run is shown while it goes on, and the words all screens use."""

from collections.abc import Mapping
from io import StringIO
from types import MappingProxyType
from typing import Protocol

from tailrace.events.asking import InputRequest
from tailrace.events.event import JSON, StreamEvent
from tailrace.events.fold import RunFold
from tailrace.events.receipt import Receipt
from tailrace.events.types import Outcome, WorkflowStage

TITLES: Mapping[WorkflowStage, str] = MappingProxyType(
    {
        WorkflowStage.INIT: "Waiting for its turn",
        WorkflowStage.INTENT_ANALYSIS: "Understanding the question",
        WorkflowStage.CONTEXT_GATHERING: "Searching your documents",
        WorkflowStage.EXECUTION: "Writing the answer",
        WorkflowStage.REFLECTION: "Checking the answer",
    }
)

PROMPT = "> "
"""What somebody types after."""

_OPTION = 100
_HARMLESS = "\n\t\u00a0\u200c\u200d"  # the last two join letters and emoji, or keep them apart

INCOMPLETE = (
    "incomplete: the stream ended without the event that ends a run. "
    "What arrived is shown; `tailrace runs watch {run_id}` follows the run again"
)
UNANSWERED = (
    "the run waits for an answer. `tailrace runs watch {run_id}` at a terminal asks you again, "
    "`tailrace runs cancel {run_id}` ends it"
)
MISFIT = "what arrived does not fit what was sent: {problems}. Do not rely on it"


class Shown:
    """The answer, as far as it is on the screen."""

    def __init__(self) -> None:
        self._text = StringIO()

    def add(self, text: str) -> None:
        """So much more is."""
        self._text.write(text)

    def missing(self, text: str) -> str | None:
        """What `text` has more; None where it does not go on from what is there."""
        shown = self._text.getvalue()
        return text[len(shown) :] if text.startswith(shown) else None


class Screen(Protocol):
    """Shows one run."""

    def show(self, event: StreamEvent, receipt: Receipt) -> None:
        """Show what `event` changed; the receipt has it already."""
        ...

    def ask(self, request: InputRequest) -> None:
        """Show what the run asks, for somebody to type an answer; the next event ends that."""
        ...

    def stopping(self) -> None:
        """Show that the run was asked to stop."""
        ...

    def end(self, receipt: Receipt) -> None:
        """Show how it ended, or that it did not."""
        ...

    async def animate(self) -> None:
        """Keep what moves moving, until cancelled."""
        ...


def clean(text: str) -> str:
    """`text` without what a terminal would obey instead of show; it may come from anywhere."""
    return "".join(c for c in text if c.isprintable() or c in _HARMLESS)


def one_line(text: str, width: int) -> str:
    """`text` on one line of at most `width` characters."""
    line = " ".join(clean(text).split())
    return line if len(line) <= width else line[: max(width - 1, 0)] + "…"


def usage_line(receipt: Receipt) -> str:
    """Time and tokens of the run, as far as they are known."""
    fold = receipt.fold
    parts: list[str] = []
    if fold.terminal is not None and fold.started_at is not None:
        parts.append(f"{(fold.terminal.timestamp - fold.started_at).total_seconds():.1f} s")
    read, written = (_count(fold.usage, key) for key in ("prompt_tokens", "completion_tokens"))
    if read or written:
        about = "about " if fold.usage.get("source") == "estimated" else ""
        if fold.terminal is not None and fold.terminal.stage is not WorkflowStage.COMPLETED:
            about = "at least "  # a call that was cut short is not counted
        parts.append(f"{about}{read:,} tokens read, {written:,} written")
    return " · ".join(parts)


def question_lines(request: InputRequest) -> list[str]:
    """What a run asks, as it is shown to the person who is to answer."""
    options = [
        f"  {number} {one_line(each, _OPTION)}" for number, each in enumerate(request.options, 1)
    ]
    hint = ["  Type a number, or an answer of your own."] if options else []
    return [f"? {clean(request.question)}", *options, *hint]


def ending_line(receipt: Receipt) -> str:
    """How the run ended, in a few words."""
    match receipt.outcome:
        case Outcome.ANSWERED:
            return "Answered"
        case Outcome.INSUFFICIENT_CONTEXT:
            return "Your documents do not say enough"
        case Outcome.CANCELLED:
            return "Stopped; what was written is kept"
        case Outcome.FAILED | Outcome.EXPIRED:
            terminal = receipt.fold.terminal
            return "Failed: " + (clean(terminal.content) if terminal else "")
        case None:
            waits = receipt.fold.input_required is not None
            return "Waits for your answer" if waits else "Incomplete"


def source_place(source: Mapping[str, JSON]) -> str:
    """Where in its document a source stands."""
    page, start, end = (source.get(key) for key in ("page", "char_start", "char_end"))
    if isinstance(page, int):
        return f"page {page}"
    if isinstance(start, int) and isinstance(end, int):
        return f"characters {start:,} to {end:,}"
    return ""


def cited_line(fold: RunFold) -> str:
    """Which sources the answer rests on, by number; "" where it rests on none that is known."""
    cited = {str(citation.get("source_id")) for citation in fold.citations}
    numbers = [n for n, source in enumerate(fold.sources, 1) if str(source.get("id")) in cited]
    return "rests on " + ", ".join(f"[{number}]" for number in numbers) if numbers else ""


def _count(usage: Mapping[str, JSON], key: str) -> int:
    value = usage.get(key)
    return value if isinstance(value, int) else 0
