"""How to test a node of one's own: a real run in an empty folder, with a model that is scripted.

Run: cd examples && python -m pytest test_own_node.py
"""

import asyncio
from pathlib import Path

from own_node import PlacesNode
from tailrace.agent import default_engine
from tailrace.events.types import EventType
from tailrace.state.state import Query
from tailrace.testing.workbench import Transcript, open_workbench


async def ask(home: Path, question: str) -> Transcript:
    """All events of one run that asks `question` of one document."""
    async with open_workbench(home, engine=default_engine(PlacesNode())) as bench:
        await bench.add({"plan.md": "# The plan\n\nThe budget is 40,000 euros."})
        return await bench.run(Query(text=question))


def test_it_names_each_place(tmp_path: Path) -> None:
    """The answer is what the node wrote, and the run ends as answered."""
    run = asyncio.run(ask(tmp_path, "What is the budget?"))
    assert run.fold.text == "- The plan, from character 0 on\n"
    assert run.contents(EventType.DONE)[-1] == "Listed"
    assert run.outcome == "answered"
