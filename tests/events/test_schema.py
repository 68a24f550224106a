"""The event schema takes what the log writes, and nothing that breaks the rules of events."""

import json
from collections.abc import Mapping
from typing import Protocol, cast

import pytest
from jsonschema import Draft202012Validator

from tailrace.events.fold import RunFold
from tailrace.events.schema import VARIANTS, stream_event_schema
from tailrace.events.types import EventType
from tailrace.testing.logs import recorded_logs

Fields = dict[str, object]


class _Validator(Protocol):
    def is_valid(self, instance: object) -> bool: ...
    def validate(self, instance: object) -> None: ...


_SCHEMA = cast("Fields", stream_event_schema())
_VALIDATOR = cast("_Validator", Draft202012Validator(_SCHEMA))


def _valid(event: Mapping[str, object]) -> bool:
    return _VALIDATOR.is_valid(event)


def _recorded(type_: str, stage: str | None = None) -> Fields:
    """The first recorded event of that kind, as the wire has it."""
    for log in recorded_logs().values():
        for logged in log:
            event = cast("Fields", json.loads(logged.data))
            if event["type"] == type_ and stage in {None, event.get("stage")}:
                return event
    pytest.fail(f"no recorded log has {type_} at {stage}")


def _metadata(event: Fields) -> Fields:
    return cast("Fields", event["metadata"])


def test_the_schema_is_a_valid_one_of_its_draft() -> None:
    Draft202012Validator.check_schema(_SCHEMA)


@pytest.mark.parametrize("name", recorded_logs())
def test_every_event_of_a_log_is_valid(name: str) -> None:
    for logged in recorded_logs()[name]:
        _VALIDATOR.validate(json.loads(logged.data))


def test_every_stored_type_is_in_some_recorded_log() -> None:
    recorded = {logged.type for log in recorded_logs().values() for logged in log}
    assert recorded == {type_.value for type_ in EventType} - {"snapshot"}


def test_every_type_has_a_variant() -> None:
    types = {type_ for variant in VARIANTS.values() for type_ in variant.types}
    assert types == set(EventType)


@pytest.mark.parametrize("name", recorded_logs())
def test_a_snapshot_at_any_moment_is_valid(name: str) -> None:
    fold = RunFold()
    for logged in recorded_logs()[name]:
        fold.apply(logged.event)
        assert _valid(fold.snapshot().event.to_dict())


def test_fields_that_are_unknown_in_metadata_pass() -> None:
    event = _recorded("stream_chunk")
    assert _valid(event | {"metadata": _metadata(event) | {"merged": [3, 7], "new": None}})


@pytest.mark.parametrize("field", ["type", "content", "timestamp", "run_id", "gen", "seq", "epoch"])
def test_an_event_without_a_field_that_all_have_is_not_valid(field: str) -> None:
    event = _recorded("thinking")
    assert _valid(event)
    del event[field]
    assert not _valid(event)


@pytest.mark.parametrize(
    "wrong",
    [
        {"type": "shouting"},
        {"type": "session_start"},
        {"content": None},
        {"progress": 1.5},
        {"progress": -0.1},
        {"progress": None},
        {"timestamp": "2026-01-02T03:04:05"},
        {"timestamp": "2026-01-02T03:04:05+02:00"},
        {"timestamp": 1767323045},
        {"stage": "thinking"},
        {"stage": "completed"},
        {"stage": "failed"},
        {"stage": "cancelled"},
        {"node": "intention"},
        {"metadata": []},
        {"run_id": ""},
        {"gen": 0},
        {"seq": 0},
        {"seq": 1},
        {"seq": "2"},
        {"epoch": 0},
        {"workflow_id": "r"},
    ],
    ids=str,
)
def test_a_status_with_a_wrong_field_is_not_valid(wrong: Fields) -> None:
    event = _recorded("thinking")
    assert _valid(event)
    assert not _valid(event | wrong)


def test_event_1_is_the_opening_with_all_its_ids() -> None:
    event = _recorded("running", "init")
    assert event["seq"] == 1
    assert not _valid(event | {"stage": "execution"})
    for name in list(_metadata(event)):
        fewer = {key: value for key, value in _metadata(event).items() if key != name}
        assert not _valid(event | {"metadata": fewer})


@pytest.mark.parametrize(
    ("type_", "stage", "name"),
    [
        *(("stream_chunk", None, name) for name in ("index", "offset")),
        *(("source", None, name) for name in ("id", "document_id", "revision", "title", "score")),
        *(("source", None, name) for name in ("snippet", "char_start", "char_end")),
        *(("citation", None, name) for name in ("source_id", "answer_start", "quote")),
        *(("tool_call", None, name) for name in ("call_id", "name", "arguments")),
        *(("tool_result", None, name) for name in ("call_id", "ok", "summary")),
        *(("input_required", None, name) for name in ("request_id", "question", "expires_at")),
        ("retract", None, "discard_after"),
        *(
            (type_, stage, name)
            for type_, stage in (
                ("stream_complete", "completed"),
                ("completed", "completed"),
                ("fail", "failed"),
                ("interrupted", "cancelled"),
            )
            for name in ("outcome", "last_seq", "content_sha256", "usage", "seconds")
        ),
        ("fail", "failed", "error"),
    ],
)
def test_metadata_that_a_type_needs_may_not_be_missing(
    type_: str, stage: str | None, name: str
) -> None:
    event = _recorded(type_, stage)
    assert _valid(event)
    fewer = {key: value for key, value in _metadata(event).items() if key != name}
    assert len(fewer) < len(_metadata(event))
    assert not _valid(event | {"metadata": fewer})


@pytest.mark.parametrize(
    ("type_", "stage", "outcome"),
    [
        ("stream_complete", "completed", "failed"),
        ("fail", "failed", "answered"),
        ("interrupted", "cancelled", "failed"),
    ],
)
def test_a_terminal_event_has_an_outcome_that_fits(type_: str, stage: str, outcome: str) -> None:
    event = _recorded(type_, stage)
    assert not _valid(event | {"metadata": _metadata(event) | {"outcome": outcome}})
    assert not _valid(event | {"stage": "execution"} | {"type": "stream_complete"})


def test_an_error_has_a_code_from_the_closed_list() -> None:
    event = _recorded("fail", "failed")
    error = cast("Fields", _metadata(event)["error"])
    wrong = _metadata(event) | {"error": error | {"code": "ValueError"}}
    assert not _valid(event | {"metadata": wrong})
