"""What an answer rests on, over HTTP: beside it, in its message, and whether it is stale."""

from typing import TYPE_CHECKING

from tailrace.testing.judging import judged_by, judgement
from tailrace.testing.model_script import Reply

if TYPE_CHECKING:
    from conftest import Serve

PLAN = b"The budget of the harbour plan is 40,000 euros."
ANSWER = "The budget is 40,000 euros [1]."


async def test_a_message_keeps_what_it_rests_on_and_it_is_marked_when_its_document_changed(
    serve: "Serve",
) -> None:
    script = judged_by(judgement({"budget": [1]}), Reply(text=ANSWER))
    async with serve(script, raw=True) as serving:
        client = serving.client
        added = await client.post("/api/documents?name=plan.md", content=PLAN)
        document = f"/api/documents/{added.json()['id']}"
        conversation_id = await serving.converse()
        run_id = await serving.start(
            "What is the budget of the harbour plan?", conversation_id=conversation_id
        )
        events = await serving.events(run_id)
        told = [event.metadata for event in events if event.type.value == "citation"]
        message = (await serving.messages(conversation_id))[1]
        url = f"/api/agent/runs/{run_id}/citations"

        async def standing() -> tuple[object, ...]:
            facts = (await client.get(url)).json()
            [citation], [source] = facts["citations"], facts["sources"]
            kept = {key: value for key, value in citation.items() if value is not None}
            assert kept == {**told[0], "stale": citation["stale"], "gone": citation["gone"]}
            assert source["id"] == citation["source_id"]
            return citation["stale"], citation["gone"], source["stale"], source["gone"]

        assert message["content"] == "The budget is 40,000 euros."
        assert [fact["quote"] for fact in told] == [PLAN.decode()]
        assert '"citation"' in message["metadata"]
        assert await standing() == (False, False, False, False)
        await client.post("/api/documents?name=plan.md", content=b"The plan was given up.")
        assert await standing() == (True, False, True, False)
        place = f"start={told[0]['char_start']}&end={told[0]['char_end']}&revision=1"
        opened = (await client.get(f"{document}/text?{place}")).json()
        assert (opened["text"], opened["stale"]) == (PLAN.decode(), True)
        await client.delete(document)
        assert await standing() == (True, True, True, True)
        assert (await client.get("/api/agent/runs/none/citations")).status_code == 404
