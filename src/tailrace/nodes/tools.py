"""Floor 3: the tools a model may call while it gathers; all of them only read.

Rule 1: arguments are data from a model: each is checked, and whose documents count is never one.
Rule 2: a tool that cannot do it says so in its result, in a sentence; that is no context.
Rule 3: the conversation that asks is not recalled.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from tailrace.context.passages import Passage
from tailrace.errors import InvalidRequestError, TailraceError
from tailrace.events.event import JSON
from tailrace.nodes.passages import one_line
from tailrace.nodes.scope import RunScope
from tailrace.state.state import ContextItem, Query
from tailrace.stores.documents import DocumentOrigin, DocumentStatus

NAMES: Final = (
    "search_documents",
    "read_document",
    "neighbours",
    "list_documents",
    "recall_conversations",
)

_MAX_QUERY_CHARS: Final = 500
_MAX_ID: Final = 2**53
_READ_CHARS: Final = 2_400
_SEARCH_LIMIT: Final = 8
_LISTED: Final = 40
_PAGE: Final = 500
_PAGES: Final = 4


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A call whose arguments were checked."""

    call_id: str
    name: str
    arguments: dict[str, JSON]

    @property
    def key(self) -> str:
        """The same for calls that would find the same."""
        values = (
            " ".join(each.casefold().split()) if isinstance(each, str) else str(each)
            for each in self.arguments.values()
        )
        return "\n".join([self.name, *values])


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a call.

    Attributes:
        summary: A sentence for people.
        passages: What was found, best first.
        read: What was read: a piece of a document.
        lists: Titles, a line each.
    """

    ok: bool
    summary: str
    passages: Sequence[Passage] = ()
    read: ContextItem | None = None
    lists: str = ""


def checked(call_id: str, said: Mapping[str, JSON], items: Sequence[ContextItem]) -> Call:
    """The call that a model `said`, over the passages `items`, which it numbers from 1.

    Raises:
        InvalidRequestError: it is none; the message says why.
    """
    name = said.get("tool")
    match name:
        case "search_documents" | "recall_conversations":
            arguments: dict[str, JSON] = {"query": _query(said)}
        case "list_documents":
            query = said.get("query")
            arguments = {"query": _query(said)} if isinstance(query, str) and query.strip() else {}
        case "read_document":
            document_id = _number(said, "document_id", 1, _MAX_ID)
            arguments = {"document_id": document_id, "start": _number(said, "start", 0, _MAX_ID)}
        case "neighbours":
            item = items[_number(said, "passage", 1, len(items)) - 1]
            arguments = {"source_id": item.id}
        case _:
            msg = "there is no such tool"
            raise InvalidRequestError(msg)
    return Call(call_id=call_id, name=str(name), arguments=arguments)


async def run(call: Call, query: Query, scope: RunScope) -> Result:
    """Do what `call` asks for on behalf of whoever asked `query`."""
    try:
        return await _run(call, query, scope)
    except TailraceError as error:
        return Result(ok=False, summary=error.message)


async def _run(call: Call, query: Query, scope: RunScope) -> Result:
    wanted = str(call.arguments.get("query", ""))
    match call.name:
        case "search_documents":
            found = await scope.context.search(wanted, owner=query.owner, limit=_SEARCH_LIMIT)
            return _found(without_own(found, query))
        case "recall_conversations":
            found = await scope.context.search(
                wanted,
                owner=query.owner,
                limit=_SEARCH_LIMIT,
                origins=[DocumentOrigin.CONVERSATION],
            )
            return _found(without_own(found, query))
        case "neighbours":
            source_id = str(call.arguments["source_id"])
            return _found(await scope.context.neighbours(source_id, owner=query.owner))
        case "read_document":
            return await _read(call, query, scope)
        case _:
            return await _list(wanted, query, scope)


async def _read(call: Call, query: Query, scope: RunScope) -> Result:
    document_id, start = call.arguments["document_id"], call.arguments["start"]
    if not isinstance(document_id, int) or not isinstance(start, int):
        return Result(ok=False, summary="the place is no number")
    row, text = await scope.documents.excerpt(document_id, query.owner, start, start + _READ_CHARS)
    kept = text.rstrip()
    if not kept:
        return Result(ok=False, summary=f"{one_line(row.title)} has nothing at {start:,}")
    end = start + len(kept)
    item = ContextItem(
        id=f"{row.id}.{row.revision}.{start}-{end}",
        document_id=row.id,
        revision=row.revision,
        title=row.title,
        text=kept,
        char_start=start,
        char_end=end,
        score=0.0,
    )
    return Result(ok=True, summary=f"{len(kept):,} characters of {one_line(row.title)}", read=item)


async def _list(wanted: str, query: Query, scope: RunScope) -> Result:
    words = wanted.casefold().split()
    lines: list[str] = []
    for page in range(_PAGES):
        rows, total = await scope.documents.list_documents(
            query.owner,
            limit=_PAGE,
            offset=page * _PAGE,
            status=DocumentStatus.SEARCHABLE,
            newest_first=True,
        )
        lines += [
            f"document {row.id}: {one_line(row.title)}, {row.char_count:,} characters"
            for row in rows
            if not words or any(word in f"{row.title} {row.source}".casefold() for word in words)
        ]
        if (page + 1) * _PAGE >= total:
            break
    if not lines:
        return Result(ok=True, summary="no document has such a title")
    documents = "1 document" if len(lines) == 1 else f"{len(lines)} documents"
    return Result(ok=True, summary=documents, lists="\n".join(lines[:_LISTED]))


def without_own(passages: Sequence[Passage], query: Query) -> list[Passage]:
    """`passages` but for those of the conversation that asks."""
    own = f"conversation:{query.conversation_id}"
    return [each for each in passages if query.conversation_id is None or each.source != own]


def _found(passages: Sequence[Passage]) -> Result:
    many = "1 passage" if len(passages) == 1 else f"{len(passages)} passages"
    return Result(ok=True, summary=many if passages else "nothing found", passages=passages)


def _query(said: Mapping[str, JSON]) -> str:
    value = said.get("query")
    query = " ".join(value.split()) if isinstance(value, str) else ""
    if not query or len(query) > _MAX_QUERY_CHARS:
        msg = f"a query needs 1 to {_MAX_QUERY_CHARS} characters"
        raise InvalidRequestError(msg)
    return query


def _number(said: Mapping[str, JSON], name: str, least: int, most: int) -> int:
    value = said.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        msg = f"{name.replace('_', ' ')} has to be a number from {least} to {most}"
        raise InvalidRequestError(msg)
    return value
