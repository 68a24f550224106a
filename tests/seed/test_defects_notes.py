"""D38: notes beyond the newest hundred."""

import asyncio

from tailrace.testing.model_script import Reply

from .client import DesktopClient
from .screens import said
from .served import QUESTION, Serve, knowing

VAULTS = "/api/vaults"
ASKED = "What is the secret of the zeppelin?"


async def test_d38_every_note_is_read_and_counted_however_many_there_are(serve: "Serve") -> None:
    script = knowing({ASKED: (QUESTION, Reply("Hydrogen."))})
    async with asyncio.timeout(40), serve(script, {}) as (_, model, http):
        ids: list[int] = []
        for number in range(103):
            content = "The secret of the zeppelin is hydrogen." if number == 0 else "Nothing."
            body = {"title": f"Note {number}", "content": content}
            ids.append((await http.post(f"{VAULTS}/create", json=body)).json()["doc_id"])
        pages = [
            (await http.get(f"{VAULTS}/list", params={"limit": 50, "offset": offset})).json()
            for offset in (0, 50, 100)
        ]
        assert [(page["total"], len(page["data"])) for page in pages] == [
            (103, 50),
            (103, 50),
            (103, 3),
        ]
        assert [each["id"] for page in pages for each in page["data"]] == ids[::-1]

        oldest = ids[0]
        note = (await http.get(f"{VAULTS}/{oldest}")).json()
        assert (note["success"], note["data"]["title"]) == (True, "Note 0")
        client = DesktopClient(http)
        client.document_id = str(oldest)
        await client.send(ASKED)
        assert said(client.screen.messages)[1] == ("assistant", "Hydrogen.")
        assert "is hydrogen." in model.requests[-1].chat.text
