"""Floor 6: Caller, who a request comes from; the guard finds out, the routes ask here."""

from typing import Annotated, Final, cast

import msgspec
from fastapi import Depends
from starlette.requests import Request

from tailrace.agent import ContextAgent

SCOPE_KEY: Final = "tailrace.caller"


class Caller(msgspec.Struct, frozen=True):
    """Who asks.

    Attributes:
        owner: Whose runs, conversations and documents count; "" where there is one person only.
        has_home: Whether the request has the home's own token, which only its user can read.
    """

    owner: str = ""
    has_home: bool = False


def _caller(request: Request) -> Caller:
    return cast("Caller", request.scope[SCOPE_KEY])


def _agent(request: Request) -> ContextAgent:
    return cast("ContextAgent", request.app.state.agent)


CallerOf = Annotated[Caller, Depends(_caller)]
"""A route's parameter that is the request's caller."""

AgentOf = Annotated[ContextAgent, Depends(_agent)]
"""A route's parameter that is the agent this application serves."""
