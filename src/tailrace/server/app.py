"""Floor 6: the HTTP application; runs alone (`serve`), or mounted in an application of one's own.

Rule 1: FastAPI serves the ordinary routes; a stream is sent by `EventStream`, in plain ASGI.
Rule 2: everything passes the guard, and every error goes through `problems`; before the guard
    stands only what tells a browser which pages may read an answer (CORS).
"""

from typing import Any, final

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.routing import APIRoute
from starlette.types import Receive, Scope, Send

from tailrace.agent import ContextAgent
from tailrace.server import (
    chat,
    citations,
    conversation_events,
    conversations,
    document_search,
    documents,
    erasing,
    health,
    messages,
    pages,
    run_events,
    runs,
    seed_envelope,
    seed_state,
    settings_models,
    vaults,
)
from tailrace.server.contract import as_answered
from tailrace.server.guards import Guard, parse_origins
from tailrace.server.problems import HANDLERS
from tailrace.server.stream_response import BEGUN, StreamResponse
from tailrace.server.viewers import Viewers

_DESCRIPTION = """
Ask questions of your own documents, and follow every step of the answer.

Errors are problem documents (RFC 9457) with a `code`; those of the routes that MineContext has too
keep the shapes its clients expect: `docs/reference/seed.md` tells which.
"""
_TAGS = [
    {"name": "chat", "description": "Ask, and follow or await the answer."},
    {"name": "runs", "description": "Start, list, watch and stop runs."},
    {"name": "conversations", "description": "Conversations and their messages."},
    {"name": "documents", "description": "What answers come from."},
    {"name": "vaults", "description": "Notes that are written here; documents, too."},
    {"name": "models", "description": "The model that answers, and how to come by one."},
    {"name": "operations", "description": "Health."},
    {"name": "page", "description": "The web page, and what it is made of."},
]


_ROUTES = (
    chat,
    seed_state,
    runs,
    run_events,
    citations,
    conversations,
    conversation_events,
    messages,
    erasing,
    document_search,  # before a document's own address, which would take its name for an id
    documents,
    vaults,
    settings_models,
    seed_envelope,
    health,
    pages,
)


@final
class _Application(FastAPI):
    """FastAPI; a stream that has begun goes on past its layers, which then hold nothing."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun: list[StreamResponse[Any]] = []
        await super().__call__({**scope, BEGUN: begun}, receive, send)
        if begun:
            await begun[0].go_on(scope, receive, send)

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document, made once."""
        if self.openapi_schema is None:
            self.openapi_schema = as_answered(super().openapi())
        return self.openapi_schema


def create_app(agent: ContextAgent) -> FastAPI:
    """The application that serves `agent`, which the caller opens and closes.

    Middleware that is added to it sees a stream's start, and nothing of what follows.

    Raises:
        InvalidRequestError: the API keys or origins in the settings cannot be used.
    """
    app = _Application(
        title="Tailrace",
        version=health.VERSION,
        summary="A context agent whose every run is one ordered, durable stream.",
        description=_DESCRIPTION,
        openapi_tags=_TAGS,
        docs_url=None,  # its page loads scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        exception_handlers=dict(HANDLERS),
        generate_unique_id_function=_operation_id,
    )
    app.state.agent = agent
    app.state.viewers = Viewers(agent.parts.settings.max_streams)
    app.state.files = pages.read_files(pages.STATIC)
    for module in _ROUTES:
        app.include_router(module.router)
    settings, token = agent.parts.settings, agent.home.token
    app.add_middleware(Guard, settings=settings, home_token=token)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=parse_origins(settings.allowed_origins),
        allow_methods=["GET", "POST", "PATCH", "DELETE"],
        allow_headers=["Authorization", "Idempotency-Key", "Last-Event-ID", "X-API-Key"],
        expose_headers=["Link", "Location", "Retry-After", "X-Run-Id", "X-Run-Status"],
    )
    return app


def _operation_id(route: APIRoute) -> str:
    return route.name
