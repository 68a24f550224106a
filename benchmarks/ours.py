"""A side: the real server on a home of its own, whose one node says what its question orders.

All else is `tailrace serve`: the agent, the log, the store at `synchronous=FULL`, the routes. The
node stands in for a model, so that a model is not what is measured.

Run: python benchmarks/ours.py <home> [--delivery-first]; the first line printed is its URL.
"""

import argparse
import asyncio
import os
import sys
from pathlib import Path
from typing import ClassVar

import msgspec

from orders import Order, tokens
from tailrace.events.event import StreamEvent
from tailrace.events.types import EventType, NodeType, Outcome, WorkflowStage
from tailrace.nodes.base import BaseNode
from tailrace.nodes.scope import RunScope
from tailrace.server.serve import run
from tailrace.settings import Settings
from tailrace.state.state import WorkflowState
from tailrace.stores.sqlite.store import SQLiteStore
from tailrace.workflow.engine import WorkflowEngine

_BACKLOG_PIECE = 4096


class SourceNode(BaseNode):
    """Says what it is ordered, as a node says what a model writes."""

    type: ClassVar[NodeType] = NodeType.EXECUTE
    stage: ClassVar[WorkflowStage] = WorkflowStage.INTENT_ANALYSIS
    title: ClassVar[str] = "Speaking"

    async def process(self, state: WorkflowState, scope: RunScope) -> WorkflowState:
        """Speak, and end the run."""
        order = Order.parse(state.query.text)
        for _ in range(order.backlog_bytes // _BACKLOG_PIECE):
            await scope.emit(self._chunk(scope, "x" * _BACKLOG_PIECE))
            await self.say(scope, EventType.RUNNING, "between pieces, which would melt otherwise")
        async for text in tokens(order):
            await scope.emit(self._chunk(scope, text))
        state.outcome = Outcome.ANSWERED
        await self.end(state, scope, "Spoken")
        return state

    def _chunk(self, scope: RunScope, text: str) -> StreamEvent:
        return StreamEvent(
            type=EventType.STREAM_CHUNK,
            content=text,
            timestamp=scope.clock.now(),
            stage=self.stage,
            node=self.type,
        )


def deliver_first() -> None:
    """Make the store say "kept" at once and commit behind, but for what ends a stage or a run."""
    commit = SQLiteStore.append

    def append(self: SQLiteStore, *args: object, **more: object) -> "asyncio.Future[int]":
        committed = commit(self, *args, **more)  # pyright: ignore[reportArgumentType]  # handed on as it came
        if more.get("final_state") is not None or more.get("stage_result") is not None:
            return committed
        committed.add_done_callback(lambda future: future.exception())
        said: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        said.set_result(0)
        return said

    SQLiteStore.append = append


def _announce(url: str) -> None:
    sys.stdout.write(url + "\n")
    sys.stdout.flush()


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", type=Path)
    parser.add_argument("--delivery-first", action="store_true")
    options = parser.parse_args()
    if options.delivery_first:
        deliver_first()
    settings = msgspec.structs.replace(
        Settings.from_environment(os.environ), home=options.home, port=0
    )
    engine = WorkflowEngine({WorkflowStage.INTENT_ANALYSIS: SourceNode()})
    run(settings, engine=engine, on_ready=_announce)


if __name__ == "__main__":
    main()
