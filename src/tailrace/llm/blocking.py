"""Floor 1: in_thread, disk work off the event loop, that ends when its caller is cancelled.

Rule: when the caller goes on, by a result, an error or a cancel, the thread works no more; so a
file is never written after its lock was given back.
"""

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def in_thread(work: Callable[[threading.Event], T]) -> T:
    """The result of `work`, run in a thread.

    Args:
        work: Gets an event that is set when its result is no longer wanted; if it takes longer
            than a moment it looks at it and returns early.
    """
    unwanted = threading.Event()
    task = asyncio.ensure_future(asyncio.to_thread(work, unwanted))
    try:
        return await asyncio.shield(task)
    finally:
        unwanted.set()
        if not task.done():
            await asyncio.wait([task])
