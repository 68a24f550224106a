"""Floor 0: the JSON Schema of an event as a log has it; other languages build their types on it.

Rule 1: an event is exactly one of the variants below, told apart by type, stage and seq.
Rule 2: an event's fields are closed; its metadata is open: clients skip what they do not know.

Source: https://json-schema.org/draft/2020-12
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final, TypeAlias

import msgspec

from tailrace.errors import ErrorCode
from tailrace.events.event import JSON
from tailrace.events.types import (
    TERMINAL_STAGES,
    EventType,
    NodeType,
    Outcome,
    RunKind,
    WorkflowStage,
)

Schema: TypeAlias = dict[str, JSON]


class Variant(msgspec.Struct, frozen=True):
    """One shape of an event.

    Attributes:
        description: What it means.
        types: The types it goes with.
        metadata: What its metadata must hold.
        optional: What its metadata may hold besides.
        stages: The stages it goes with; None for any before the end, or none at all.
        seq: Where in the log it may stand.
    """

    description: str
    types: Sequence[EventType]
    metadata: Mapping[str, Schema] = {}
    optional: Mapping[str, Schema] = {}
    stages: Sequence[WorkflowStage] | None = None
    seq: Mapping[str, int] = msgspec.field(default_factory=lambda: {"minimum": 2})


def stream_event_schema() -> Schema:
    """The schema of `StreamEvent` as the native dialect writes it."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "StreamEvent",
        "description": "One thing that happened in one run. A run's log is its events in the order "
        "of seq, without a gap. The last one, and only that, has the stage completed, failed or "
        "cancelled; a stream that ends without it is not finished.",
        "oneOf": [{"$ref": f"#/$defs/{name}"} for name in VARIANTS],
        "$defs": {
            **{name: _shape(variant) for name, variant in VARIANTS.items()},
            "Error": {"description": "Why a run failed", **_ERROR},
        },
    }


def _object(required: Mapping[str, Schema], optional: Mapping[str, Schema]) -> Schema:
    schema: Schema = {"type": "object", "properties": {**required, **optional}}
    return {**schema, "required": list(required)} if required else schema


def _one_of(values: Sequence[StrEnum]) -> Schema:
    if len(values) == 1:
        return {"const": values[0].value}
    return {"enum": [value.value for value in values]}


def _shape(variant: Variant) -> Schema:
    stages = _BEFORE_THE_END if variant.stages is None else variant.stages
    fields: Schema = {
        "type": _one_of(variant.types),
        "content": {**_TEXT, "description": "Text for people, or the increment of a chunk"},
        "progress": {**_SHARE, "description": "Share of the stage; absent where unknown"},
        "timestamp": _TIME,
        "stage": _one_of(stages),
        "node": _one_of(list(NodeType)),
        "metadata": _object(variant.metadata, variant.optional),
        "run_id": {"type": "string", "minLength": 1},
        "gen": {**_FROM_ONE, "description": "Generation of the log; with seq, the cursor"},
        "seq": {"type": "integer", **variant.seq, "description": "Position in the log, from 1"},
        "epoch": {**_FROM_ONE, "description": "Fencing number of the attempt that wrote it"},
    }
    required: list[JSON] = ["type", "content", "timestamp", "run_id", "gen", "seq", "epoch"]
    if variant.stages is not None:
        required.append("stage")
    if variant.metadata:
        required.append("metadata")
    return {
        "description": variant.description,
        "type": "object",
        "properties": fields,
        "required": required,
        "additionalProperties": False,
    }


_TEXT: Final[Schema] = {"type": "string"}
_COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
_FROM_ONE: Final[Schema] = {"type": "integer", "minimum": 1}
_ID: Final[Schema] = {"type": "integer", "minimum": 1}
_ID_OR_NULL: Final[Schema] = {"type": ["integer", "null"]}
_NAME: Final[Schema] = {"type": ["string", "integer"]}
_TRUTH: Final[Schema] = {"type": "boolean"}
_SHARE: Final[Schema] = {"type": "number", "minimum": 0, "maximum": 1}
_TIME: Final[Schema] = {
    "type": "string",
    "format": "date-time",
    "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?Z$",
}
_MERGED: Final[Schema] = {
    "description": "First and last seq of the chunks this frame holds, for a viewer that lags",
    "type": "array",
    "items": _FROM_ONE,
    "minItems": 2,
    "maxItems": 2,
}
_COUNTED_BY: Final[Schema] = {
    "description": "Who counted: the model's endpoint, or we, where it does not say",
    "enum": ["reported", "estimated"],
}
_TOKENS: Final[Schema] = {
    "description": "Tokens of all model calls so far",
    **_object(
        {},
        {
            "prompt_tokens": _COUNT,
            "completion_tokens": _COUNT,
            "source": _COUNTED_BY,
            "partial": _TRUTH,
        },
    ),
}
_ERROR: Final[Schema] = _object(
    {"code": _one_of(list(ErrorCode)), "message": _TEXT, "retryable": _TRUTH},
    {"retry_after_s": {"type": "number", "minimum": 0}},
)
_SUMMARY: Final[Mapping[str, Schema]] = {
    "last_seq": _FROM_ONE,
    "content_sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
    "usage": _TOKENS,
    "seconds": {
        "description": "Seconds spent in each stage, and under waiting those for its user",
        "type": "object",
        "additionalProperties": {"type": "number"},
    },
}
_BEFORE_THE_END: Final = [stage for stage in WorkflowStage if stage not in TERMINAL_STAGES]

_OPENING: Final[Mapping[str, Schema]] = {
    "run_id": _TEXT,
    "workflow_id": _TEXT,
    "session_id": _TEXT,
    "conversation_id": _ID_OR_NULL,
    "user_message_id": _ID_OR_NULL,
    "assistant_message_id": _ID_OR_NULL,
}
_SOURCE: Final[Mapping[str, Schema]] = {
    "id": _NAME,
    "document_id": _ID,
    "revision": _COUNT,
    "title": _TEXT,
    "snippet": _TEXT,
    "char_start": _COUNT,
    "char_end": _COUNT,
    "score": {"type": "number"},
}
_PAGE: Final[Mapping[str, Schema]] = {"page": _FROM_ONE}
_CITATION: Final[Mapping[str, Schema]] = {
    "source_id": _NAME,
    "answer_start": _COUNT,
    "answer_end": _COUNT,
    "quote": _TEXT,
    "document_id": _ID,
    "revision": _COUNT,
    "char_start": _COUNT,
    "char_end": _COUNT,
}
_TOOL_CALL: Final[Mapping[str, Schema]] = {
    "call_id": _TEXT,
    "name": _TEXT,
    "arguments": {"type": "object"},
}
_TOOL_RESULT: Final[Mapping[str, Schema]] = {"call_id": _TEXT, "ok": _TRUTH, "summary": _TEXT}
_INPUT_REQUIRED: Final[Mapping[str, Schema]] = {
    "request_id": _TEXT,
    "question": _TEXT,
    "expires_at": _TIME,
}
_OPTIONS: Final[Mapping[str, Schema]] = {"options": {"type": "array", "items": _TEXT}}


def _list_of(required: Mapping[str, Schema], description: str) -> Schema:
    items = _object({"seq": _FROM_ONE, **required}, {})
    return {"description": description, "type": "array", "items": items}


def _facts(metadata: Schema, description: str) -> Schema:
    return _list_of({"metadata": metadata}, description)


_STAGE: Final = _one_of(_BEFORE_THE_END)
_OR_NULL: Final[Schema] = {"type": "null"}
_PROGRESS: Final[Schema] = {"anyOf": [_SHARE, _OR_NULL]}
_SNAPSHOT: Final[Mapping[str, Schema]] = {
    "run": {"description": "What event 1 said", **_object(_OPENING, {})},
    "chunks": _list_of(
        {"count": _FROM_ONE, "length": _COUNT},
        "Which chunks the answer came in, one after another: the last seq, how many, how long",
    ),
    "reasoning": {**_TEXT, "description": "The model's own reasoning text so far"},
    "reasoning_chunks": _list_of({"count": _FROM_ONE, "length": _COUNT}, "As chunks"),
    "stages": _list_of({"stage": _STAGE, "progress": _PROGRESS}, "How far it was, since when"),
    "visits": _list_of(
        {"stage": _TEXT, "at": _TIME},
        "What its time was spent on since when: a stage, or waiting for its user",
    ),
    "statuses": _list_of(
        {
            "status": _object(
                {
                    "type": _one_of(
                        [EventType.THINKING, EventType.RUNNING, EventType.DONE, EventType.FAIL]
                    ),
                    "content": _TEXT,
                    "stage": {"anyOf": [_STAGE, _OR_NULL]},
                    "progress": _PROGRESS,
                    "timestamp": _TIME,
                },
                {},
            )
        },
        "What its nodes said",
    ),
    "sources": _facts(_object(_SOURCE, _PAGE), "The passages found"),
    "citations": _facts(_object(_CITATION, _PAGE), "What rests on which source"),
    "tools": _facts(_object({"call_id": _TEXT}, {**_TOOL_CALL, **_TOOL_RESULT}), "Tools' work"),
    "asked": _list_of(
        {"timestamp": _TIME, "metadata": _object(_INPUT_REQUIRED, _OPTIONS)},
        "What it asked its user: the events, whole",
    ),
    "inputs": _facts(
        _object({"request_id": _TEXT, "question": _TEXT, "input": _TEXT}, {}),
        "What its user answered",
    ),
    "usage": _TOKENS,
}

_INGEST_COUNTS: Final = (
    *("found", "done", "parsed", "searchable", "embedded", "skipped", "failed"),
    *("removed", "unchanged", "added", "updated", "pieces", "pieces_embedded"),
)
_INGEST: Final[Schema] = {
    "description": "How far a run is that reads documents in; pieces are their passages",
    **_object(
        {"phase": {"enum": ["finding", "reading", "embedding"]}},
        {**dict.fromkeys(_INGEST_COUNTS, _COUNT), "path": _TEXT},
    ),
}
_FILES: Final[Schema] = {
    "description": "What became of files since the last such event; not every searchable one",
    "type": "array",
    "maxItems": 50,
    "items": _object(
        {
            "source": _TEXT,
            "status": {"enum": ["searchable", "skipped", "failed", "removed"]},
        },
        {"reason": _TEXT, "document_id": _ID},
    ),
}

VARIANTS: Final[Mapping[str, Variant]] = {
    "Opening": Variant(
        "Event 1: the run is accepted; the ids to follow and to stop it",
        [EventType.RUNNING],
        _OPENING,
        {
            "kind": {
                "description": "What the run is for; chat where absent",
                **_one_of(list(RunKind)),
            }
        },
        stages=[WorkflowStage.INIT],
        seq={"const": 1},
    ),
    "Status": Variant(
        "What a node does, for people to read; a fail here does not end the run. A done with "
        "request_id and input is the user's answer to an input_required: the run goes on",
        [EventType.THINKING, EventType.RUNNING, EventType.DONE, EventType.FAIL],
        optional={"request_id": _TEXT, "input": _TEXT, "ingest": _INGEST, "files": _FILES},
    ),
    "StreamChunk": Variant(
        "An increment of the answer; offset, where it starts, is in Unicode code points",
        [EventType.STREAM_CHUNK],
        {"index": _COUNT, "offset": _COUNT},
        {"merged": _MERGED},
    ),
    "ReasoningChunk": Variant(
        "An increment of the model's own reasoning text",
        [EventType.REASONING_CHUNK],
        optional={"merged": _MERGED},
    ),
    "Source": Variant(
        "A passage that was found; its place is in Unicode code points of the document's text",
        [EventType.SOURCE],
        _SOURCE,
        _PAGE,
    ),
    "Citation": Variant(
        "That part of the answer rests on that source: the quote is that revision's text from "
        "char_start to char_end, exactly; all places are in Unicode code points",
        [EventType.CITATION],
        _CITATION,
        _PAGE,
    ),
    "ToolCall": Variant(
        "The model calls a tool",
        [EventType.TOOL_CALL],
        _TOOL_CALL,
    ),
    "ToolResult": Variant(
        "What came of a tool call",
        [EventType.TOOL_RESULT],
        _TOOL_RESULT,
    ),
    "Usage": Variant(
        "Tokens of this run so far, after each model call",
        [EventType.USAGE],
        {"prompt_tokens": _COUNT, "completion_tokens": _COUNT},
        {"source": _COUNTED_BY},
    ),
    "InputRequired": Variant(
        "The run waits for its user, from now until expires_at; other options are taken as well",
        [EventType.INPUT_REQUIRED],
        _INPUT_REQUIRED,
        _OPTIONS,
    ),
    "Retract": Variant(
        "What stands after discard_after and before this event, usage aside, no longer counts; "
        "discard_after is 0 or the seq of an event that is no chunk",
        [EventType.RETRACT],
        {"discard_after": _COUNT},
    ),
    "Snapshot": Variant(
        "What all events up to seq amount to, for a viewer that comes late; content is the answer "
        "so far. What it lists has the seq of its event, so that a later retract can take it back",
        [EventType.SNAPSHOT],
        _SNAPSHOT,
        seq={"minimum": 1},
    ),
    "Answered": Variant(
        "The run has ended with an answer; completed, with all of it, where it was not streamed",
        [EventType.STREAM_COMPLETE, EventType.COMPLETED],
        {"outcome": _one_of([Outcome.ANSWERED, Outcome.INSUFFICIENT_CONTEXT]), **_SUMMARY},
        stages=[WorkflowStage.COMPLETED],
    ),
    "Failed": Variant(
        "The run has failed; the partial answer stays",
        [EventType.FAIL],
        {
            "outcome": _one_of([Outcome.FAILED, Outcome.EXPIRED]),
            **_SUMMARY,
            "error": {"$ref": "#/$defs/Error"},
        },
        stages=[WorkflowStage.FAILED],
    ),
    "Cancelled": Variant(
        "The run was stopped; the partial answer stays",
        [EventType.INTERRUPTED],
        {"outcome": _one_of([Outcome.CANCELLED]), **_SUMMARY},
        stages=[WorkflowStage.CANCELLED],
    ),
}
"""Every shape of an event, by the name it has in other languages."""
