"""Ask a running server from Python, and follow the answer; a lost line is made again by itself.

Run: make run, then python examples/follow_from_python.py [URL "your question"]
"""

import sys

from tailrace.client import Client
from tailrace.events.types import EventType


def main(url: str, question: str) -> None:
    """Print the answer as it is written, then how it ended."""
    with Client(url) as client:
        run_id = client.start(question)
        for event in client.watch(run_id):
            if event.type is EventType.STREAM_CHUNK:
                print(event.content, end="", flush=True)
            elif event.is_terminal:
                print(f"\n[{run_id}: {event.metadata['outcome']}]")


if __name__ == "__main__":
    main(*sys.argv[1:] or ("http://127.0.0.1:1733", "How often is the boiler serviced?"))
