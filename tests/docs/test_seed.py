"""The page about the seed names what is there, and leaves out nothing that the seed names."""

import re
from pathlib import Path
from pkgutil import resolve_name

import msgspec
import pytest

from tailrace.server.problems import ErrorShape, shape_of

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "reference" / "seed.md").read_text("utf-8")
CODE = re.compile(r"`(tailrace(?:\.\w+)+)`")
FILE = re.compile(r"`((?:src|frontend|tests)/[\w./-]+\.\w+)`")
ROUTE = re.compile(r"^\| `(GET|POST|PUT|PATCH|DELETE) (/[^`]+)` \|", re.MULTILINE)
NAMES = re.findall(
    r"\S+",
    """
    StreamingManager emit stream StreamEvent from_dict to_dict to_json_string create_node_event
    create_workflow_event create_chunk EventType WorkflowStage NodeType WorkflowEngine execute
    execute_stream BaseNode process IntentNode ContextNode ExecutorNode ReflectionNode StateManager
    WorkflowState event_buffer streaming_enabled final_content update_stage ContextAgent
    process_stream ChatStreamService.ts use-chat-stream.ts agent_chat.js sendStreamMessage
    """,
)


def operations() -> set[tuple[str, str]]:
    """Method and path of everything in the contract."""
    document = msgspec.json.decode((ROOT / "contracts" / "openapi.json").read_bytes())
    paths = document["paths"].items()
    return {(method.upper(), path) for path, methods in paths for method in methods}


@pytest.mark.parametrize("name", sorted(set(CODE.findall(PAGE))))
def test_every_name_of_ours_can_be_imported(name: str) -> None:
    assert resolve_name(name) is not None


@pytest.mark.parametrize("path", sorted(set(FILE.findall(PAGE))))
def test_every_file_of_ours_is_there(path: str) -> None:
    assert (ROOT / path).is_file()


@pytest.mark.parametrize("name", NAMES)
def test_every_name_of_the_seeds_is_told(name: str) -> None:
    assert re.search(rf"`{re.escape(name)}`", PAGE)


def test_the_routes_it_names_are_the_contracts_seed_routes() -> None:
    told = set(ROUTE.findall(PAGE))
    seeds = {
        (method, path) for method, path in operations() if shape_of(path) is not ErrorShape.PROBLEM
    }
    assert told == seeds
