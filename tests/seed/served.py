"""What a test is given: a real server on its documents, and a model that knows what to say."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import NamedTuple

import httpx2

from tailrace.agent import ContextAgent
from tailrace.testing.model_script import ChatRequest, Reply, Script, classify_as, script_player
from tailrace.testing.model_server import ScriptedModelServer

CHAT = "simple_chat"
QUESTION = "qa_analysis"
EDIT = "document_edit"
WRITE = "content_generation"
UNCLEAR = "clarification_needed"


class Served(NamedTuple):
    """A server that runs, what it is made of, and an HTTP client."""

    agent: ContextAgent
    model: ScriptedModelServer
    http: httpx2.AsyncClient


Serve = Callable[..., AbstractAsyncContextManager[Served]]


def knowing(known: Mapping[str, tuple[str, Reply]]) -> Script:
    """A model that goes by the question, which it is told last: to its intent and its reply."""

    def choose(request: ChatRequest) -> Reply:
        question = max(known, key=request.text.rfind)
        intent, reply = known[question]
        fields = {"question": "Which one do you mean?"}
        return script_player(classify_as(intent, reply, fields))(request)

    return choose
