"""Start a run over HTTP, leave after three events, and come back for the rest.

Run: make run, then python examples/rejoin.py [URL "your question"]
"""

import sys

import httpx2

from tailrace.wire.sse import SSEDecoder


def main(url: str, question: str) -> None:
    """Follow one run on two connections; each event comes once."""
    with httpx2.Client(base_url=url, timeout=120) as client:
        run = client.post("/api/agent/runs", json={"query": question}).json()
        events = f"/api/agent/runs/{run['run_id']}/events"
        last_id = follow(client, events, cursor="1-0", leave_after=3)
        print(f"-- left after {last_id}, and back again")
        follow(client, events, cursor=last_id)


def follow(client: httpx2.Client, events: str, cursor: str, leave_after: int = 0) -> str:
    """Print events after `cursor`; the id of the last one."""
    decoder, seen = SSEDecoder(last_event_id=cursor), 0
    with client.stream("GET", events, headers={"Last-Event-ID": cursor}) as response:
        for data in response.iter_raw():
            for event in decoder.feed(data):
                print(event.id, event.data)
                cursor, seen = event.id, seen + 1
                if seen == leave_after:
                    return cursor
    return cursor


if __name__ == "__main__":
    main(*sys.argv[1:] or ("http://127.0.0.1:1733", "How often is the boiler serviced?"))
