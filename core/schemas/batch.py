"""What a batch is over HTTP: many rows under one request id, one outcome a row in the same order.

The models follow from the row schema of a catalog entry, so that a new model family has its batch route at once.
"""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, create_model
from pydantic_core import CoreSchema

from core.schemas.problem import ProblemItem
from core.schemas.trip import AskedVersion, RequestId

MAX_ROWS = 10_000
_EXAMPLE_ERROR = {
    "index": 1,
    "type": "urn:tripcast:problem:invalid-request",
    "title": "Invalid request",
    "detail": "the row is not what this model takes",
    "reply_code": 100,
    "errors": [{"loc": ["body", "trips", 1, "DOLocationID"], "msg": "Field required"}],
}


class RowProblem(BaseModel):
    """Why one row of a batch has no prediction: a problem document (RFC 9457) but for what the rows share."""

    index: Annotated[int, Field(description="Place of the row in the request, from 0.")]
    type: Annotated[str, Field(description="URN that names the kind of problem.")]
    title: Annotated[str, Field(description="The kind of problem, for people.")]
    detail: Annotated[str, Field(description="This occurrence of the problem.")]
    reply_code: Annotated[int, Field(description="100 bad row, 101 model, 1 deadline.")]
    errors: Annotated[list[ProblemItem] | None, Field(description="For a bad row: what is wrong.")] = None


class RowFailure(BaseModel):
    """The outcome of a row without a prediction."""

    error: RowProblem


@dataclass(frozen=True)
class _DescribedAs:
    """Lets anything pass, and describes it as a row in the JSON schema: a row that is none fails alone, later."""

    row: type[BaseModel]

    def __get_pydantic_json_schema__(self, _: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        described = handler(self.row.__pydantic_core_schema__)
        return {"anyOf": [described, {"description": "Anything else fails alone, with an error as its outcome."}]}


def batch_request_model(*, title: str, rows_field: str, row: type[BaseModel]) -> type[BaseModel]:
    """Return the envelope of a batch: it is checked as a whole, its rows are checked apart, each on its own."""
    rows = Annotated[
        list[Annotated[Any, _DescribedAs(row)]], Field(min_length=1, max_length=MAX_ROWS, description="The rows.")
    ]
    fields: dict[str, Any] = {
        "request_id": (Annotated[RequestId, Field(description="The caller's own id of this request.")], ...),
        "model_version": (AskedVersion, None),
        rows_field: (rows, ...),
    }
    config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())
    return create_model(f"{title}BatchRequest", __config__=config, **fields)


def batch_reply_model(*, title: str, output: str, reply: type[BaseModel]) -> type[BaseModel]:
    """Return the answer to a batch: what the single reply says of all rows once, and of each row its outcome."""
    output_field = reply.model_fields[output]
    prediction: dict[str, Any] = {output: (Annotated[float, Field(description=output_field.description)], ...)}
    success = create_model(f"{title}Outcome", __doc__="The outcome of a row that was predicted.", **prediction)
    fields: dict[str, Any] = {
        name: (field.annotation, field) for name, field in reply.model_fields.items() if name != output
    }
    fields["outcomes"] = (Annotated[list[success | RowFailure], Field(description="One a row, in order.")], ...)
    config = ConfigDict(protected_namespaces=(), json_schema_extra={"examples": [_example(output, reply)]})
    return create_model(f"{title}BatchReply", __config__=config, **fields)


def _example(output: str, reply: type[BaseModel]) -> dict[str, Any]:
    """Return the single reply's example as a batch of two rows, one of which fails."""
    single: Any = reply.model_config["json_schema_extra"]
    example = dict(single["examples"][0])
    outcomes = [{output: example.pop(output)}, {"error": _EXAMPLE_ERROR}]
    return {**example, "outcomes": outcomes}
