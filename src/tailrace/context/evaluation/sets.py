"""Floor 2: a set of questions with known answers, as it lies in a folder.

`corpus.jsonl` has `_id` and `text`, and may have `title` and `kind`; `queries.jsonl` has `_id` and
`text`, and may have `refs` (`corpus`, or one in each, with `start_index` and `end_index`),
`answerable` and `ctx` (the document it was asked about); `qrels.jsonl` has `q`, `d` and `s`.
Anything else in them is passed over.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from tailrace.errors import InvalidRequestError, NotFoundError

_MAX_LINE_BYTES: Final = 64 * 1024 * 1024
_MAX_LINES: Final = 5_000_000

T = TypeVar("T")


class Text(msgspec.Struct, frozen=True, kw_only=True):
    """A document of the set."""

    id: str = msgspec.field(name="_id")
    text: str
    title: str = ""
    kind: str = "text"


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """Where an answer stands, in code points; `corpus` is "" for the question's own."""

    start_index: int
    end_index: int
    corpus: str = ""


class _Query(msgspec.Struct, frozen=True, kw_only=True):
    id: str = msgspec.field(name="_id")
    text: str
    corpus: str = ""
    refs: tuple[Reference, ...] = ()
    answerable: bool = True
    ctx: str = ""


class _Judgement(msgspec.Struct, frozen=True):
    q: str
    d: str
    s: int = 1


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A question, and where its answer is.

    Attributes:
        relevant: How relevant which documents are; those that are not named are not.
        spans: Document, start and end of each piece of its answer.
        about: The document it was asked about; "" where that is not known.
        answerable: Whether that document answers it.
    """

    id: str
    text: str
    relevant: dict[str, int]
    spans: tuple[tuple[str, int, int], ...] = ()
    about: str = ""
    answerable: bool = True


class EvaluationSet(msgspec.Struct, frozen=True, kw_only=True):
    """Documents, and questions about them."""

    name: str
    corpus: tuple[Text, ...]
    questions: tuple[Question, ...]


def read_set(folder: Path) -> EvaluationSet:
    """The set that lies in `folder`. Blocking.

    Raises:
        NotFoundError: a file that is needed is not there.
        InvalidRequestError: a line is not what it has to be.
    """
    corpus = _lines(folder / "corpus.jsonl", Text)
    queries = _lines(folder / "queries.jsonl", _Query)
    judged: dict[str, dict[str, int]] = {}
    if (folder / "qrels.jsonl").is_file():
        for each in _lines(folder / "qrels.jsonl", _Judgement):
            judged.setdefault(each.q, {})[each.d] = each.s
    if not corpus or not queries:
        msg = f"{folder} has no documents or no questions"
        raise InvalidRequestError(msg)
    questions = tuple(_question(query, judged.get(query.id, {})) for query in queries)
    return EvaluationSet(name=folder.name, corpus=tuple(corpus), questions=questions)


def _question(query: _Query, judged: dict[str, int]) -> Question:
    spans = tuple(
        (each.corpus or query.corpus or query.ctx, each.start_index, each.end_index)
        for each in query.refs
    )
    relevant = judged or dict.fromkeys((span[0] for span in spans), 1)
    if not relevant and query.ctx and query.answerable:
        relevant = {query.ctx: 1}
    return Question(
        id=query.id,
        text=query.text,
        relevant=relevant,
        spans=spans,
        about=query.ctx,
        answerable=query.answerable,
    )


def _lines(path: Path, type_: type[T]) -> Sequence[T]:
    decoder = msgspec.json.Decoder(type_)
    found: list[T] = []
    try:
        with path.open("rb") as file:
            while line := file.readline(_MAX_LINE_BYTES):
                if line.strip():
                    found.append(decoder.decode(line))
                if len(found) > _MAX_LINES:
                    msg = f"{path} has more than {_MAX_LINES:,} lines"
                    raise InvalidRequestError(msg)
    except OSError as exc:
        msg = f"{path} cannot be read; a set is a folder with corpus.jsonl and queries.jsonl"
        raise NotFoundError(msg) from exc
    except msgspec.DecodeError as exc:
        msg = f"line {len(found) + 1} of {path} cannot be used: {exc}"
        raise InvalidRequestError(msg) from exc
    return found
