"""Floor 3: the sentence that says a document does not hold the answer. Pure.

Rule: a model is told the exact sentence, since small models that are asked to say so in their own
    words invent an answer instead; a reply that is this sentence and no more is a refusal.
"""

from typing import Final

REFUSAL: Final = "I could not find this in your documents."

_WRAPPING: Final = " \t\r\n\"'`*_.>\u201c\u201d\u2018\u2019"


def is_refusal(text: str) -> bool:
    """Whether `text` is the refusal and nothing else, however a model has dressed it."""
    return text.strip(_WRAPPING).casefold() == REFUSAL.strip(_WRAPPING).casefold()
