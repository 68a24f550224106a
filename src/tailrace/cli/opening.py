"""Floor 7: which door leads to a home: the server that holds it, else this process itself."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

from tailrace.agent.home import Holder, holder
from tailrace.cli.door import Door
from tailrace.cli.failures import log_to
from tailrace.cli.local import LocalDoor
from tailrace.cli.remote import RemoteDoor
from tailrace.settings import Settings

_START_S: Final = 3.0
_LOOK_S: Final = 0.1


@asynccontextmanager
async def open_door(settings: Settings) -> AsyncGenerator[Door, None]:
    """The door to `settings.home`.

    Raises:
        HomeLockedError: a command that serves nothing has it.
        StoreError: the home cannot be used.
    """
    held = await _holder(settings)
    if held is not None and held.url:
        async with RemoteDoor.open(held.url, held.token, settings) as remote:
            yield remote
    else:
        log_to(settings.home)
        async with LocalDoor.open(settings) as local:
            yield local


async def _holder(settings: Settings) -> Holder | None:
    """Who has the home; one that has not said where it serves may be about to."""
    held = holder(settings.home)
    waited_s = 0.0
    while held is not None and not held.url and waited_s < _START_S:
        await asyncio.sleep(_LOOK_S)
        waited_s += _LOOK_S
        held = holder(settings.home)
    return held
