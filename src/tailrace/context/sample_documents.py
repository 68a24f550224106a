"""Floor 2: sample documents for a home that is new, so that there is something to ask about.

Rule: they come once, and only where nothing else is; deleted, they stay deleted.
"""

from importlib import resources

from tailrace._clock import SYSTEM_CLOCK, Clock
from tailrace.context.ingest import Ingest
from tailrace.stores.documents import DocumentOrigin, DocumentStore

_FOLDER = "samples"


def sample_names() -> list[str]:
    """The names of the sample documents."""
    folder = resources.files("tailrace.context") / _FOLDER
    return sorted(entry.name for entry in folder.iterdir() if entry.is_file())


async def add_samples(
    store: DocumentStore, ingest: Ingest, *, owner: str = "", clock: Clock = SYSTEM_CLOCK
) -> int:
    """Add them to a home that has no documents and never had any samples; how many were added.

    Cut short, it goes on the next time; a home that has other documents by then needs none.
    """
    if await store.samples_settled(owner):
        return 0
    names = sample_names()
    documents, count = await store.list_documents(owner, limit=len(names) + 1, offset=0)
    added = 0
    if count <= len(names) and all(each.origin is DocumentOrigin.SAMPLE for each in documents):
        folder = resources.files("tailrace.context") / _FOLDER
        for name in names:
            content = (folder / name).read_bytes()
            await ingest.add_text(name, content, owner=owner, origin=DocumentOrigin.SAMPLE)
            added += 1
    await store.settle_samples(owner, clock.now())
    return added
