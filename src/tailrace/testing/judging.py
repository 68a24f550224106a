"""Testing floor: a scripted model that also says what is missing, as a strong one does."""

from collections.abc import Sequence

from tailrace.events.event import JSON
from tailrace.testing.model_script import ChatRequest, Reply, Script, classify_as, script_player


def is_judging(request: ChatRequest) -> bool:
    """Whether a request asks what is missing."""
    properties = (request.schema or {}).get("properties")
    return isinstance(properties, dict) and "facets" in properties


def judged_by(judgements: Script, then: Script | None = None, kind: str = "qa_analysis") -> Script:
    """A script that answers what is missing from `judgements`, and all else as `classify_as`."""
    judge = script_player(judgements)
    others = script_player(classify_as(kind, then))

    def choose(request: ChatRequest) -> Reply:
        return judge(request) if is_judging(request) else others(request)

    return choose


def judgement(facets: dict[str, Sequence[int]], *calls: dict[str, JSON]) -> Reply:
    """A judgement: needs, each with the numbers of the passages that meet it, and calls."""
    needs: list[JSON] = [
        {"need": need, "evidence": [*evidence]} for need, evidence in facets.items()
    ]
    wanted: list[JSON] = [
        {"query": "", "document_id": 0, "start": 0, "passage": 0, **call} for call in calls
    ]
    return Reply(json={"facets": needs, "calls": wanted})
