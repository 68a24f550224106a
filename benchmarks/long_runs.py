"""A side: the real server on a home of its own, whose one node says as many events as it is asked.

The question is the number of events. The run then waits, so that it can be joined while it is live,
until it is cancelled.

Run: python benchmarks/long_runs.py <home>; the first line printed is its URL.
"""

import argparse
import asyncio
import os
import sys
from pathlib import Path
from typing import ClassVar

import msgspec

from tailrace.events.event import StreamEvent
from tailrace.events.types import EventType, NodeType, WorkflowStage
from tailrace.nodes.base import BaseNode
from tailrace.nodes.scope import RunScope
from tailrace.server.serve import run
from tailrace.settings import Settings
from tailrace.state.state import WorkflowState
from tailrace.workflow.engine import WorkflowEngine


class LongNode(BaseNode):
    """Says a long answer, token by token."""

    type: ClassVar[NodeType] = NodeType.EXECUTE
    stage: ClassVar[WorkflowStage] = WorkflowStage.INTENT_ANALYSIS
    title: ClassVar[str] = "Speaking"

    async def process(self, state: WorkflowState, scope: RunScope) -> WorkflowState:
        """Speak, and wait."""
        for number in range(int(state.query.text)):
            # by turns as two nodes: what one says melts into one event while a commit is under way
            node = (NodeType.EXECUTE, NodeType.REFLECT)[number % 2]
            await scope.emit(
                StreamEvent(
                    type=EventType.STREAM_CHUNK,
                    content=f"token{number % 10} ",
                    timestamp=scope.clock.now(),
                    stage=self.stage,
                    node=node,
                )
            )
        await scope.streaming_manager.settled()
        await asyncio.get_running_loop().create_future()
        return state


def _announce(url: str) -> None:
    sys.stdout.write(url + "\n")
    sys.stdout.flush()


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", type=Path)
    options = parser.parse_args()
    settings = msgspec.structs.replace(
        Settings.from_environment(os.environ), home=options.home, port=0
    )
    engine = WorkflowEngine({WorkflowStage.INTENT_ANALYSIS: LongNode()})
    run(settings, engine=engine, on_ready=_announce)


if __name__ == "__main__":
    main()
