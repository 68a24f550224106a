"""Floor 3: what a run has spent on models, said after each call.

Rule: a `usage` event holds the sum of the run so far, so a viewer needs the newest one only.
"""

from tailrace.events.event import JSON, StreamEvent
from tailrace.events.types import EventType
from tailrace.llm.base import Usage
from tailrace.nodes.base import BaseNode
from tailrace.nodes.scope import RunScope


async def say_usage(node: BaseNode, scope: RunScope, usage: Usage) -> None:
    """Emit the tokens of the run so far, `usage` of the newest call included."""
    manager = scope.streaming_manager
    await manager.settled()  # the fold knows what is sealed; the last sum may still wait
    before = manager.fold.usage
    estimated = usage.estimated or before.get("source") == "estimated"
    metadata: dict[str, JSON] = {
        "prompt_tokens": _count(before, "prompt_tokens") + usage.prompt_tokens,
        "completion_tokens": _count(before, "completion_tokens") + usage.completion_tokens,
        "calls": _count(before, "calls") + 1,
        "source": "estimated" if estimated else "reported",
    }
    await scope.emit(
        StreamEvent(
            type=EventType.USAGE,
            timestamp=scope.clock.now(),
            stage=node.stage,
            node=node.type,
            metadata=metadata,
        )
    )


def _count(usage: dict[str, JSON], name: str) -> int:
    value = usage.get(name)
    return value if isinstance(value, int) else 0
