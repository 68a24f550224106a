"""A node of one's own in place of ours: it says where to read instead of having a model write.

Run: python examples/own_node.py "your question"
"""

import asyncio
import os
import sys

from tailrace.agent import ChatRequest, ContextAgent, default_engine
from tailrace.events.types import NodeType, WorkflowStage
from tailrace.nodes import BaseNode, RunScope, write
from tailrace.settings import Settings
from tailrace.state.state import WorkflowState


class PlacesNode(BaseNode):
    """Writes one line for each passage that was gathered."""

    type, stage, title = NodeType.EXECUTE, WorkflowStage.EXECUTION, "Listing places"

    async def process(self, state: WorkflowState, scope: RunScope) -> WorkflowState:
        """Name the places, and end the stage."""
        for item in state.contexts.items:
            await write(self, scope, f"- {item.title}, from character {item.char_start} on\n")
        await self.end(state, scope, "Listed")
        return state


async def main(question: str) -> None:
    """Ask the documents of this home, with that node."""
    settings, engine = Settings.from_environment(os.environ), default_engine(PlacesNode())
    async with ContextAgent.open(settings, engine=engine) as agent:
        async for event in agent.process_stream(ChatRequest(query=question)):
            print(event.type, event.content)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
