"""Floor 2: from a question to the words that are looked for.

Rule 1: words that stand in any text, and words that only ask, are left out.
Rule 2: scripts without spaces are looked for by pairs of characters.
"""

import re
from typing import Final, NamedTuple

MAX_TERMS: Final = 48
_MAX_TERM_CHARS: Final = 64
_MAX_QUESTION_CHARS: Final = 32_768

_STOP_WORDS: Final = """
a about after all also am an and any are as at be because been before being both but by can
could d did do does doing don each for from further had has have having he her here hers him his
how i if in into is isn it its itself just ll m me more most my no nor not now of off on once
only or other our ours out over own re s same she should so some such t than that the their
theirs them then there these they this those through to too until up us ve very was we were what
when where which while who whom why will with would you your yours
"""
STOP_WORDS: Final = frozenset(_STOP_WORDS.split())
"""English words that say nothing about what a text is about."""

_ASKING_WORDS: Final = """
anything answer ask briefly check content contents describe detail details document documents
elaborate ever everything example examples explain file files find folder get give go help info
information know let like list long look many mean mentioned might much must need note notes
okay old overview page please possible question read really said say says search see show
something source sources summarise summarize summary sum talk tell text thank thanks thing
things understand use using want way whether yes
"""
ASKING_WORDS: Final = frozenset(_ASKING_WORDS.split())
"""Words that ask for an answer or name what all documents are; a text need not have them."""

_ASKING_UNSPACED: Final = re.compile(
    "什么|甚么|怎么|怎样|如何|为什么|为何|多少|哪里|哪个|哪些|哪|谁|几|吗|呢|吧|么|的|了|是|在|和|与|或|及|我们|你们|他们|我|你|他|她|它"
    "|这个|那个|这|那|有|没有|不|也|都|就|请|告诉|可以|应该|需要|能|会|要|个|把|被|对|从|到|で|は|が|を|に|の|と|も|か|です|ます"
)
_WORD: Final = re.compile(r"[^\W_]+")
_COMPOUND: Final = re.compile(r"(?<![^\W_])[^\W_]{1,64}(?:[_.\-/:@+#][^\W_]+)+")
_UNSPACED_RUN: Final = re.compile(
    "[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f]+"
)


class Terms(NamedTuple):
    """What a question is about.

    Attributes:
        words: Words it is about, each once, in order; coverage is counted on these.
        others: What else helps to find it: words that ask, compounds like `max_tokens` or `10.5`.
        stop_words: All there is to look for where there is nothing else.
    """

    words: tuple[str, ...]
    others: tuple[str, ...]
    stop_words: tuple[str, ...]

    @property
    def wanted(self) -> tuple[str, ...]:
        """What to search for."""
        return (self.words + self.others)[:MAX_TERMS] or self.stop_words


def terms_of(question: str) -> Terms:
    """The terms of `question`."""
    text = question[:_MAX_QUESTION_CHARS].lower()
    words: dict[str, None] = {}
    others: dict[str, None] = {}
    stop_words: dict[str, None] = {}
    for word in _WORD.findall(_UNSPACED_RUN.sub(" ", text)):
        if len(word) > _MAX_TERM_CHARS:
            continue
        kind = stop_words if word in STOP_WORDS else others if word in ASKING_WORDS else words
        kind.setdefault(word)
    for run in _UNSPACED_RUN.findall(text):
        for part in _ASKING_UNSPACED.split(run):
            words.update(dict.fromkeys(_pairs(part)))
        others.update(dict.fromkeys(_pairs(run)))
    others.update(dict.fromkeys(_COMPOUND.findall(text)))
    return Terms(
        tuple(words)[:MAX_TERMS],
        tuple(each for each in others if each not in words and len(each) <= _MAX_TERM_CHARS),
        tuple(stop_words)[:MAX_TERMS],
    )


def is_unspaced(term: str) -> bool:
    """Whether `term` is of a script without spaces."""
    return _UNSPACED_RUN.fullmatch(term) is not None


def _pairs(run: str) -> list[str]:
    return [run[i : i + 2] for i in range(len(run) - 1)] or ([run] if run else [])
