"""Which found passages are worth a model's reading."""

from typing import cast

from tailrace.context.passages import Passage
from tailrace.nodes.gathering import Gathering
from tailrace.nodes.scope import RunScope
from tailrace.state.state import Query


def passage(document_id: int, text: str, score: float) -> Passage:
    return Passage(
        id=f"{document_id}.1.0-{len(text)}",
        document_id=document_id,
        revision=1,
        title="",
        heading="",
        text=text,
        snippet=text,
        char_start=0,
        char_end=len(text),
        score=score,
        source="",
        chunk_id=document_id,
    )


def test_what_is_near_nothing_is_left_out_though_it_is_the_best_of_its_own_search() -> None:
    query = Query(text="When is the rent paid?", owner="", session_id="")
    gathering = Gathering(query, cast("RunScope", None), 1_000, 0.5)
    rent = passage(1, "The rent is due each quarter, and is paid on its first day.", 0.8)
    lease = passage(2, "Money that a tenant owes is transferred in advance, every term.", 0.3)
    safety = passage(3, "Nobody uses the lathe alone; goggles hang beside the door.", 0.03)
    gathering.add([rent, lease], "rent paid")
    gathering.add([safety], "owed")
    assert [found.item.document_id for found in gathering.keep()] == [1, 2]
