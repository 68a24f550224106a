"""Floor 1: the Python client: start a run, follow it wherever it goes, stop it, answer it.

`AsyncClient` for asyncio, `Client` without; both follow by the same rules (`following`).
"""

from tailrace.client.async_client import AsyncClient
from tailrace.client.sync_client import Client
from tailrace.errors import IncompleteStreamError

__all__ = ["AsyncClient", "Client", "IncompleteStreamError"]
