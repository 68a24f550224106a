"""Floor 3: what lies open beside the question: the document and the selection, within a budget.

Rule 1: it is context of the first rank, and sufficient on its own.
Rule 2: a document that fits is given whole; of a longer one, its beginning and the passages that
    fit the question, or, where it is to be edited, its beginning alone.
"""

from typing import Final

from tailrace.errors import ErrorCode, NotFoundError
from tailrace.nodes.gathering import Found, Gathering
from tailrace.nodes.passages import SELECTION_ID
from tailrace.nodes.scope import RunScope
from tailrace.nodes.tokens import estimate_tokens, leading
from tailrace.state.state import ContextItem, Query
from tailrace.stores.documents import DocumentRow, DocumentStatus

_CHARS_A_TOKEN: Final = 4
_BEGINNING: Final = 0.3
_SNIPPET_CHARS: Final = 280
_MAX_ID: Final = 2**63 - 1
_SEARCH_LIMIT: Final = 8


async def keep_open_text(
    query: Query, scope: RunScope, gathering: Gathering, *, editing: bool
) -> list[Found]:
    """Keep the selection and the open document in `gathering`; what of the document was kept.

    Raises:
        NotFoundError: the open document does not exist, or has no text that can be read.
    """
    document = await _open_document(query, scope)
    selected = query.selected_content.strip()
    if selected:
        gathering.keep_item(_selection(query.selected_content, document))
    if document is None or (selected and editing):
        return []
    budget = gathering.left_tokens
    text = await scope.documents.text(document.id, query.owner, 0, budget * _CHARS_A_TOKEN + 1)
    if not text.strip():
        return []
    if estimate_tokens(text) <= budget or editing:
        return _keep(gathering, _beginning(document, text))
    head = leading(text, round(budget * _BEGINNING))
    kept = _keep(gathering, _beginning(document, head))
    passages = await scope.context.search(
        query.said, owner=query.owner, limit=_SEARCH_LIMIT, document_ids=[document.id]
    )
    for passage in passages:
        if passage.char_start >= len(head):
            found = gathering.keep_passage(passage, first_rank=True)
            kept += [found] if found else []
    return kept


async def _open_document(query: Query, scope: RunScope) -> DocumentRow | None:
    if query.document_id is None:
        return None
    unknown = f"the open document {query.document_id} does not exist (any more)"
    if not 0 < query.document_id <= _MAX_ID:
        raise NotFoundError(unknown, code=ErrorCode.DOCUMENT_NOT_FOUND)
    try:
        document = await scope.documents.get(query.document_id, query.owner)
    except NotFoundError as exc:
        raise NotFoundError(unknown, code=ErrorCode.DOCUMENT_NOT_FOUND) from exc
    if document.status is not DocumentStatus.SEARCHABLE:
        msg = f"the open document {document.title!r} has no text to read: {document.reason}"
        raise NotFoundError(msg, code=ErrorCode.DOCUMENT_NOT_FOUND)
    return document


def _selection(text: str, document: DocumentRow | None) -> ContextItem:
    return ContextItem(
        id=SELECTION_ID,
        document_id=document.id if document else 0,
        revision=document.revision if document else 0,
        title=f"Selected in {document.title}" if document else "Selected text",
        text=text,
        char_start=0,
        char_end=len(text),
        score=1.0,
        first_rank=True,
    )


def _beginning(document: DocumentRow, text: str) -> ContextItem:
    return ContextItem(
        id=f"{document.id}.{document.revision}.0-{len(text)}",
        document_id=document.id,
        revision=document.revision,
        title=document.title,
        text=text,
        char_start=0,
        char_end=len(text),
        score=1.0,
        first_rank=True,
    )


def _keep(gathering: Gathering, item: ContextItem) -> list[Found]:
    kept = gathering.keep_item(item)
    if kept is None:
        return []
    line = " ".join(kept.text[: 2 * _SNIPPET_CHARS].split())[:_SNIPPET_CHARS]
    return [Found(item=kept, snippet=line)]
