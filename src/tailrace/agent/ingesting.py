"""Floor 5: ingesting, runs that read documents in; they are watched and stopped like any other."""

from pathlib import Path

from tailrace._ids import new_run_id, new_session_id
from tailrace.agent.context_agent import ContextAgent
from tailrace.agent.request import IngestRequest
from tailrace.events.types import RunKind
from tailrace.stores.base import NewRun, RunRow


async def start(agent: ContextAgent, request: IngestRequest, *, owner: str = "") -> RunRow:
    """Accept a run that reads documents in; it goes its way like any other.

    Raises:
        NotFoundError: there is nothing at its path.
        InvalidRequestError: its path or its address cannot be used.
        TooManyRunsError: the owner's queue is full.
        StoreError: it cannot be kept.
    """
    if request.target.path:
        await agent.parts.ingest.check_path(Path(request.target.path))
    if request.target.url:
        agent.parts.pages.check(request.target.url)
    new = NewRun(
        kind=RunKind.INGEST,
        run_id=new_run_id(),
        owner=owner,
        query=request.query,
        request=request.to_dict(),
        session_id=new_session_id(),
        conversation_id=None,
        request_sha256=request.sha256(),
        created_at=agent.clock.now(),
        worker=agent.parts.worker,
        lease_s=agent.parts.settings.lease_s,
    )
    return await agent.begin(new)
