"""Floor 1: ThinkSplitter, which tells a model's reasoning from its answer where both are one text.

Rule: only `<think>` at the head of the answer counts; anywhere else it is text like any other.
"""

_OPEN = "<think>"
_CLOSE = "</think>"


class ThinkSplitter:
    """Text in, `(reasoning, text)` out, however the text was cut.

    Attributes:
        settled: Whether everything from here on is the answer; feeding is not needed then.
    """

    def __init__(self) -> None:
        self.settled = False
        self._inside = False
        self._held = ""

    def feed(self, text: str) -> tuple[str, str]:
        """What `text` adds to the reasoning, and what to the answer."""
        if self.settled:
            return "", text
        held = self._held + text
        self._held = ""
        if self._inside:
            return self._within(held)
        head = held.lstrip()
        if head.startswith(_OPEN):
            self._inside = True
            return self._within(head[len(_OPEN) :])
        if _OPEN.startswith(head):
            self._held = held
            return "", ""
        self.settled = True
        return "", held

    def flush(self) -> tuple[str, str]:
        """What was held back, once nothing more comes."""
        held, self._held = self._held, ""
        return (held, "") if self._inside else ("", held)

    def _within(self, text: str) -> tuple[str, str]:
        reasoning, close, answer = text.partition(_CLOSE)
        if close:
            self.settled = True
            self._inside = False
            return reasoning, answer.lstrip("\n")
        keep = next((n for n in range(len(_CLOSE) - 1, 0, -1) if text.endswith(_CLOSE[:n])), 0)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep], ""
