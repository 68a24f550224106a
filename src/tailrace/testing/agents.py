"""Testing floor: a real agent in a home of its own, asking a scripted model over real HTTP."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from tailrace._clock import SYSTEM_CLOCK, Clock
from tailrace.agent import ContextAgent
from tailrace.settings import Settings
from tailrace.testing.model_script import Script
from tailrace.testing.model_server import ScriptedModelServer
from tailrace.workflow.engine import WorkflowEngine

PLAN = {
    "harbour.md": (
        "# The harbour plan\n\n## Budget\n\nThe budget of the harbour plan is 40,000 euros.\n\n"
        "## Dates\n\nThe work on the quay starts on 3 March and ends in June.\n"
    ),
    "bread.txt": "Rye bread: 500 g of flour, 350 g of water, 10 g of salt. Bake for 50 minutes.\n",
}
"""Two small documents about different things."""


@asynccontextmanager
async def scripted_agent(
    home: Path,
    script: Script | None = None,
    *,
    documents: Mapping[str, str] = PLAN,
    settings: Settings | None = None,
    clock: Clock = SYSTEM_CLOCK,
    engine: WorkflowEngine | None = None,
) -> AsyncGenerator[tuple[ContextAgent, ScriptedModelServer]]:
    """An agent in `home` whose model plays `script`, with `documents` already searchable.

    `settings` may set anything but the home and the model, which is not asked what is missing
    unless `model_class` says it is strong; `engine` stands in for ours.
    """
    async with ScriptedModelServer(script) as model:
        chosen = settings or Settings()
        chosen = msgspec.structs.replace(
            chosen,
            home=home,
            model_class=chosen.model_class or "weak",
            llm_url=model.url,
            llm_model="scripted",
            synchronous="NORMAL",
        )
        async with ContextAgent.open(chosen, clock, engine=engine) as agent:
            for name, text in documents.items():
                await agent.parts.ingest.add_text(name, text)
            yield agent, model
