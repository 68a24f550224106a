"""Floor 6: contract, what `/openapi.json` says of errors, made to be what `problems` answers. Pure.

Rule 1: what FastAPI says of a request that has not its form is said in the route's own shape.
Rule 2: a problem document has its own media type.
"""

from typing import Any, Final, assert_never

from tailrace.server.problems import PROBLEM_TYPE, ErrorShape, shape_of

_FRAMEWORKS: Final = ("HTTPValidationError", "ValidationError")
_FIRST_ERROR: Final = 400


def as_answered(document: dict[str, Any]) -> dict[str, Any]:
    """The OpenAPI document as FastAPI makes it, with the errors as they are answered."""
    for path, operations in document["paths"].items():
        own = _reference(_model(shape_of(path)))
        for operation in operations.values():
            for status, response in operation["responses"].items():
                if int(status) >= _FIRST_ERROR:
                    _mend(response, own)
    for name in _FRAMEWORKS:
        document["components"]["schemas"].pop(name, None)
    return document


def _mend(response: dict[str, Any], own: str) -> None:
    content = response.get("content", {})
    schema = content.get("application/json", {}).get("schema", {})
    if schema.get("$ref") == _reference(_FRAMEWORKS[0]):
        schema["$ref"] = own
        response["description"] = "The request has not its form."
    if schema.get("$ref") == _reference("Problem"):
        response["content"] = {PROBLEM_TYPE: content["application/json"]}


def _model(shape: ErrorShape) -> str:
    """The model of what a route answers to a request that has not its form."""
    match shape:
        case ErrorShape.PROBLEM:
            return "Problem"
        case ErrorShape.DETAIL:
            return "SeedError"
        case ErrorShape.SUCCESS:
            return "VaultError"
        case ErrorShape.ENVELOPE:
            return "Refusal"
    assert_never(shape)


def _reference(name: str) -> str:
    return f"#/components/schemas/{name}"
