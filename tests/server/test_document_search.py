"""Searching the documents over HTTP: the passages an answer would get, and no model asked."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import Serving

URL = "/api/documents/search"


async def test_what_fits_best_comes_first_and_is_where_it_says(serving: "Serving") -> None:
    texts = {"mill.md": "# The mill\n\nThe wheel turns at nine.", "cake.md": "# Cake\n\nTwo eggs."}
    ids: dict[str, int] = {}
    for name, text in texts.items():
        sent = await serving.client.post(f"/api/documents?name={name}", content=text)
        ids[name] = sent.json()["id"]
    found = (await serving.client.get(f"{URL}?q=When does the wheel turn?")).json()["items"]
    assert (found[0]["document_id"], found[0]["heading"]) == (ids["mill.md"], "The mill")
    place = f"start={found[0]['char_start']}&end={found[0]['char_end']}"
    piece = await serving.client.get(f"/api/documents/{ids['mill.md']}/text?{place}")
    assert piece.json()["text"] == found[0]["text"]
    held = f"{URL}?q=wheel&document_id={ids['cake.md']}"
    assert (await serving.client.get(held)).json() == {"items": []}
    assert (await serving.client.get(f"{URL}?q=wheel&kind=pdf")).json() == {"items": []}
    late = f"{URL}?q=wheel&changed_before=2020-01-01T00:00:00Z"
    assert (await serving.client.get(late)).json() == {"items": []}


async def test_a_search_that_cannot_be_made_is_refused_with_its_reason(serving: "Serving") -> None:
    for query in ["", "?q=", "?q=x&limit=0", "?q=x&limit=51", "?q=x&changed_after=2020-01-01"]:
        refused = await serving.client.get(f"{URL}{query}")
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid_request"), query
