"""Answers written by a model of one's own choice: any OpenAI-compatible endpoint.

Run: python examples/own_endpoint.py URL MODEL FOLDER "your question"
"""

import asyncio
import sys
from pathlib import Path

from tailrace.agent import ChatRequest, ContextAgent
from tailrace.events.types import EventType
from tailrace.settings import Settings


async def main(url: str, model: str, folder: Path, question: str) -> None:
    """Answer `question` out of `folder`, in a home inside it."""
    settings = Settings(
        home=folder / ".tailrace",
        llm_url=url,
        llm_model=model,
        llm_api_key="",  # the endpoint's key, where it wants one
        first_token_timeout_s=120,  # a large model may have to be loaded first
    )
    async with ContextAgent.open(settings) as agent:
        await agent.parts.ingest.add_path(folder)
        async for event in agent.process_stream(ChatRequest(query=question)):
            if event.type is EventType.STREAM_CHUNK:
                print(event.content, end="", flush=True)
            elif event.is_terminal:
                print(f"\n[{event.metadata['outcome']}: {event.metadata['usage']}]")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), sys.argv[4]))
