"""Ask one question of a folder of documents, and print each step as it happens.

Run: python examples/hello_stream.py FOLDER "your question"
"""

import asyncio
import os
import sys
from pathlib import Path

from tailrace.agent import ChatRequest, ContextAgent
from tailrace.events.types import EventType
from tailrace.settings import Settings


async def main(folder: Path, question: str) -> None:
    """Answer `question` out of `folder`, in a home beside it."""
    settings = Settings.from_environment({**os.environ, "TAILRACE_HOME": f"{folder}/.tailrace"})
    async with ContextAgent.open(settings) as agent:
        await agent.parts.ingest.add_path(folder)
        async for event in agent.process_stream(ChatRequest(query=question)):
            match event.type:
                case EventType.STREAM_CHUNK:
                    print(event.content, end="", flush=True)
                case EventType.SOURCE:
                    print(f"[source: {event.metadata['title']}]")
                case _ if event.is_terminal:
                    print(f"\n[{event.metadata['outcome']}]")
                case _:
                    print(f"[{event.type}: {event.content}]")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
