"""Floor 6: documents, what answers come from: upload, add from this machine, list, remove.

Rule 1: a route that reads the server's own files asks for the home's token, which only the user
    who runs the server can read; an API key is not enough.
"""

from pathlib import Path as FilePath
from typing import Annotated

import pydantic
from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from tailrace.agent import ingesting
from tailrace.errors import ErrorCode, InvalidRequestError, TailraceError
from tailrace.server.bodies import DocumentBody, Id, IngestionBody, PathBody
from tailrace.server.caller import AgentOf, Caller, CallerOf
from tailrace.server.shapes import (
    Added,
    Document,
    DocumentCoverage,
    DocumentList,
    DocumentText,
    Forgotten,
    ListedStatus,
    Problem,
    Run,
)
from tailrace.stores.documents import DocumentStatus

router = APIRouter(
    prefix="/api/documents",
    tags=["documents"],
    responses={422: {"model": Problem, "description": "It cannot be read; the detail says why."}},
)

_NO_SUCH = {404: {"model": Problem, "description": "There is no such document."}}
_MAX_OFFSET = 2**31
_MAX_TEXT_CHARS = 20_000

PathId = Annotated[Id, Path()]


@router.post(
    "",
    status_code=201,
    summary="Add a document",
    responses={413: {"model": Problem, "description": "The document is too large."}},
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
                "application/json": {"schema": DocumentBody.model_json_schema()},
            },
        }
    },
)
async def upload_document(
    request: Request,
    agent: AgentOf,
    caller: CallerOf,
    name: Annotated[str | None, Query(max_length=1024)] = None,
) -> Document:
    """Add a document: its bytes with `?name=notes.md`, or a JSON object of `name` and `content`.

    The same name again replaces it.
    """
    data = await request.body()
    ingest = agent.parts.ingest
    if name is not None:
        return Document.of(await ingest.add_text(name, data, owner=caller.owner))
    body = _named_text(data)
    return Document.of(await ingest.add_text(body.name, body.content, owner=caller.owner))


@router.post(
    "/paths",
    summary="Add a folder or a file of this machine",
    responses={
        401: {"model": Problem, "description": "The home's token is missing."},
        404: {"model": Problem, "description": "There is nothing at that path."},
    },
)
async def add_path(body: PathBody, agent: AgentOf, caller: CallerOf) -> Added:
    """Read a folder or a file of the machine this server runs on, and remember it.

    Asks for `Authorization: Bearer <token>`, with the token from `server.json` in the home.
    """
    _require_home(caller)
    path = _absolute(body.path)
    return Added.of(await agent.parts.ingest.add_path(path, owner=caller.owner))


@router.post(
    "/ingestions",
    status_code=202,
    summary="Read a folder, a file or a web page in, as a run",
    responses={
        202: {"headers": {"Location": {"schema": {"type": "string"}}}},
        401: {"model": Problem, "description": "The home's token is missing."},
        404: {"model": Problem, "description": "There is nothing at that path."},
        429: {"model": Problem, "description": "Too many runs wait already."},
    },
)
async def start_ingestion(
    body: IngestionBody, agent: AgentOf, caller: CallerOf, request: Request, response: Response
) -> Run:
    """Start a run that reads documents in, and return at once.

    Watch it at `Location` + `/events` like any other; its `running` events tell how far it is as
    `metadata.ingest`, and what became of files as `metadata.files`.
    """
    if body.url is None:
        _require_home(caller)
    if body.path is not None:
        _absolute(body.path)
    run = await ingesting.start(agent, body.to_request(), owner=caller.owner)
    root = str(request.scope.get("root_path") or "")
    response.headers["location"] = f"{root}/api/agent/runs/{run.run_id}"
    return Run.of(run)


@router.get("/coverage", summary="How much can be found")
async def get_coverage(agent: AgentOf, caller: CallerOf) -> DocumentCoverage:
    """How many documents there are, how many can be found, by words and by meaning."""
    vectors = await agent.parts.indexer.coverage(caller.owner)
    counts = await agent.parts.documents.counts(caller.owner, vectors.model)
    return DocumentCoverage.of(counts, vectors, agent.watching.state)


@router.delete(
    "/paths",
    summary="Forget a folder or a file of this machine",
    responses={
        401: {"model": Problem, "description": "The home's token is missing."},
        404: {"model": Problem, "description": "That path was not added."},
    },
)
async def forget_path(
    path: Annotated[str, Query(max_length=4096)], agent: AgentOf, caller: CallerOf
) -> Forgotten:
    """Remove a folder or a file that was added by path, with its documents; the files stay.

    Asks for the same token as adding one.
    """
    _require_home(caller)
    removed = await agent.parts.ingest.forget_path(_absolute(path), owner=caller.owner)
    return Forgotten(removed=removed)


@router.get("", summary="List documents")
async def list_documents(
    agent: AgentOf,
    caller: CallerOf,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    offset: Annotated[int, Query(ge=0, le=_MAX_OFFSET)] = 0,
    status: Annotated[
        ListedStatus | None,
        Query(description="`searchable` lists those that are `embedded`, too."),
    ] = None,
) -> DocumentList:
    """A page of documents in the order they came; conversations are not among them."""
    documents = agent.parts.documents
    model = (await agent.parts.indexer.coverage(caller.owner)).model
    is_embedded = status is ListedStatus.EMBEDDED
    rows, total = await documents.list_documents(
        caller.owner,
        limit=limit,
        offset=offset,
        status=None if status is None or is_embedded else DocumentStatus(status.value),
        embedded_by=model if is_embedded else None,
    )
    embedded = await documents.embedded(caller.owner, [row.id for row in rows], model)
    items = [Document.of(row, embedded=row.id in embedded) for row in rows]
    return DocumentList(items=items, total=total)


@router.get("/{document_id}", summary="Look at a document", responses={**_NO_SUCH})
async def get_document(document_id: PathId, agent: AgentOf, caller: CallerOf) -> Document:
    """The document, but for its text."""
    documents = agent.parts.documents
    row = await documents.get(document_id, caller.owner)
    model = (await agent.parts.indexer.coverage(caller.owner)).model
    embedded = await documents.embedded(caller.owner, [row.id], model)
    return Document.of(row, embedded=bool(embedded))


@router.get(
    "/{document_id}/text",
    summary="Read a document",
    responses={
        **_NO_SUCH,
        410: {"model": Problem, "description": "That revision is not kept any more."},
    },
)
async def read_document(
    document_id: PathId,
    agent: AgentOf,
    caller: CallerOf,
    start: Annotated[int, Query(ge=0, le=_MAX_OFFSET)] = 0,
    end: Annotated[int | None, Query(ge=0, le=_MAX_OFFSET)] = None,
    revision: Annotated[int | None, Query(ge=1, le=_MAX_OFFSET)] = None,
) -> DocumentText:
    """Code points `start` to `end` of its text, 20,000 of them at most; where it ends, less.

    Without `end`, as many as there may be. With `revision`, the text as it was then, which is
    what a citation of that revision is about; the newest 20 replaced texts are kept.
    """
    end = start + _MAX_TEXT_CHARS if end is None else end
    _check_piece(start, end)
    documents = agent.parts.documents
    row, text = await documents.excerpt(document_id, caller.owner, start, end, revision)
    newest = row if revision is None else await documents.get(document_id, caller.owner)
    return DocumentText.of(row, start, text, stale=row.revision != newest.revision)


@router.delete(
    "/{document_id}", status_code=204, summary="Remove a document", responses={**_NO_SUCH}
)
async def delete_document(document_id: PathId, agent: AgentOf, caller: CallerOf) -> Response:
    """Remove it; one from a folder does not come back until that folder is added again."""
    await agent.parts.ingest.remove(document_id, owner=caller.owner)
    return Response(status_code=204)


def _named_text(data: bytes) -> DocumentBody:
    try:
        return DocumentBody.model_validate_json(data)
    except pydantic.ValidationError as exc:
        msg = (
            "send the document's bytes with ?name=notes.md, or a JSON object with the texts "
            "`name` and `content`"
        )
        raise InvalidRequestError(msg) from exc


def _check_piece(start: int, end: int) -> None:
    if not start <= end <= start + _MAX_TEXT_CHARS:
        msg = (
            f"{start} to {end} is no piece of at most {_MAX_TEXT_CHARS:,} code points; "
            "ask for several pieces"
        )
        raise InvalidRequestError(msg)


def _require_home(caller: Caller) -> None:
    if not caller.has_home:
        msg = (
            "only the user who runs this server may add or forget its files: use `tailrace docs` "
            "there, or upload and remove documents one by one"
        )
        raise TailraceError(msg, code=ErrorCode.UNAUTHORIZED)


def _absolute(text: str) -> FilePath:
    path = FilePath(text)
    if "\0" in text or not path.is_absolute():
        msg = "the path is not absolute; send all of it, from the root on"
        raise InvalidRequestError(msg)
    return path
