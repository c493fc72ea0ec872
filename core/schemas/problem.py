"""The body of every error answer: ``application/problem+json`` (RFC 9457)."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class ProblemItem(BaseModel):
    """One thing that is wrong with a request body."""

    loc: Annotated[list[str | int], Field(description="Path to the field.")]
    msg: Annotated[str, Field(description="What is wrong with it.")]


class Problem(BaseModel):
    """Why a request was not answered with a prediction."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:tripcast:problem:deadline-passed",
                    "title": "Deadline passed",
                    "status": 504,
                    "detail": "no answer before the deadline",
                    "instance": "/v1/trip/predict",
                    "request_id": "99999",
                    "reply_code": 1,
                }
            ]
        }
    )

    type: Annotated[str, Field(description="URN that names the kind of problem.")]
    title: Annotated[str, Field(description="The kind of problem, for people.")]
    status: Annotated[int, Field(description="The HTTP status.")]
    detail: Annotated[str, Field(description="This occurrence of the problem.")]
    instance: Annotated[str, Field(description="Path of the request.")]
    request_id: Annotated[str | None, Field(description="The caller's id, where it could be read.")]
    reply_code: Annotated[int, Field(description="100 bad request, 101 model, 102 rights, 103 queue, 1 deadline.")]
    errors: Annotated[list[ProblemItem] | None, Field(description="For a bad body: what is wrong, field by field.")] = (
        None
    )
