"""What `openapi.json` says is what the server does, whatever it is asked: schemathesis asks it.

Rule: no 5xx, and no status, header, media type or body that the document does not know.
"""

# schemathesis leaves its generic types open
# pyright: reportMissingTypeArgument=false, reportUnknownMemberType=false
# pyright: reportUnknownParameterType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

if TYPE_CHECKING:
    from conftest import Serve, Serving

CONTRACT: Final = Path(__file__).parents[2] / "contracts" / "openapi.json"
LEFT_OUT: Final = {
    ("get", "/api/settings/models/events"),  # goes on until whoever follows it leaves
    ("post", "/api/weblinks/upload"),  # 501, whatever it is asked
}
CHECKS: Final = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]

Names = dict[str, list[str]]
"""Values that name something, by the parameter that takes them."""


async def there_is(serving: "Serving") -> Names:
    """Names of what there is, made for this."""
    conversation = str(await serving.converse())
    runs = [await serving.start(conversation_id=int(conversation)) for _ in range(3)]
    for run_id in runs:
        await serving.watch(run_id)
    messages = [str(message["id"]) for message in await serving.messages(int(conversation))]
    added = await serving.client.post("/api/documents?name=a.md", content="A word.")
    vault = await serving.client.post("/api/vaults/create", json={"title": "A", "content": "b"})
    assert (added.status_code, vault.status_code) == (201, 200)
    _, documents = await serving.agent.parts.documents.list_documents("", limit=9, offset=0)
    return {
        "run_id": runs,
        "workflow_id": runs,
        "before": runs,
        "cid": [conversation],
        "conversation_id": [conversation],
        "mid": messages,
        "document_id": [str(number + 1) for number in range(documents)],
        "after": ["1-0", "1-1", "1-999", f"{runs[0]}:1-1"],
        "last-event-id": ["1-0", "1-2", f"{runs[0]}:1-1"],
    }


def ask_everything(url: str, names: Names, examples: int) -> None:
    """Ask every operation `examples` times: as it allows, and as it does not."""
    document = json.loads(CONTRACT.read_text(encoding="utf-8"))
    schema = schemathesis.openapi.from_dict(document)
    operations = [
        (method, path) for path, methods in document["paths"].items() for method in methods
    ]
    for method, path in sorted(operations):
        if (method, path) not in LEFT_OUT:
            ask(schema[path][method], url, names, examples)


def ask(operation: schemathesis.APIOperation, url: str, names: Names, examples: int) -> None:
    cases = st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in GenerationMode))

    @hypothesis.settings(
        max_examples=examples,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        phases=[hypothesis.Phase.generate],
    )
    @given(cases, st.data())
    def once(case: schemathesis.Case, data: st.DataObject) -> None:
        for given_ in (case.path_parameters, case.query, case.headers):
            for name in sorted(set(given_ or ()) & set(names)):
                if data.draw(st.booleans()):
                    given_[name] = data.draw(st.sampled_from(names[name]))
        response = case.call(base_url=url, timeout=20)
        case.validate_response(response, checks=CHECKS)

    once()


@pytest.mark.parametrize(
    "examples", [2, pytest.param(100, marks=[pytest.mark.slow, pytest.mark.timeout(1800)])]
)
async def test_the_server_is_as_its_contract_says(serve: "Serve", examples: int) -> None:
    async with serve(
        max_response_s=0.1,
        max_poll_s=0.1,
        synchronous="NORMAL",
        package_index_url="http://127.0.0.1:9/simple",  # nobody is there
    ) as serving:
        names = await there_is(serving)
        await asyncio.to_thread(ask_everything, serving.url, names, examples)
