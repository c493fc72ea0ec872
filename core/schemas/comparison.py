"""Two versions on the same recorded rows: what is asked, and what is answered."""

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from core.schemas.numbers import Number, Whole
from core.schemas.period import parse_period
from core.schemas.route import VersionId
from core.utilities.errors import DataError


class ComparisonRequest(BaseModel):
    """Compare two versions on recorded rows; what a version answered there is not predicted again."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "first": "2021-01-boosted-485f1362",
                    "second": "2021-01-linear-d0dfed2d",
                    "on": "2026-11-20..2026-11-21",
                }
            ]
        },
    )

    first: VersionId
    second: VersionId
    on: Annotated[
        str | None,
        Field(
            description="Month or date, or from..to as months, dates or times in UTC; months and dates are whole.",
            max_length=100,
        ),
    ] = None
    last: Annotated[Whole | None, Field(ge=1, description="So many of the newest records instead.")] = None
    bound: Annotated[Number, Field(ge=0, description="A larger difference is counted; in the label's unit.")] = 1.0

    @model_validator(mode="after")
    def _is_one_question(self) -> Self:
        if self.first == self.second:
            raise ValueError("two different versions")
        if (self.on is None) == (self.last is None):
            raise ValueError("a period as on, or a number as last")
        if self.on is not None:
            try:
                parse_period(self.on)
            except DataError as error:
                raise ValueError(str(error)) from error
        return self


class WorstRow(BaseModel):
    """A row that both versions predict, far apart."""

    model_config = ConfigDict(frozen=True)

    request_id: str
    row: int
    features: dict[str, Any]
    predictions: tuple[float, float]
    """Of the first and the second version."""


class Comparison(BaseModel):
    """Two versions on the same rows."""

    model_config = ConfigDict(frozen=True)

    versions: tuple[str, str]
    rows: Annotated[int, Field(description="That both predicted.")]
    failed: Annotated[tuple[int, int], Field(description="Rows that each has no prediction for.")]
    recorded: Annotated[tuple[int, int], Field(description="Rows that each had answered, and did not predict again.")]
    mean_abs: Annotated[float | None, Field(description="Of the absolute differences; null without rows.")]
    median_abs: float | None
    p95_abs: float | None
    max_abs: float | None
    bound: float
    share_beyond: Annotated[float | None, Field(description="Of the rows whose difference is larger than bound.")]
    quantiles: Annotated[dict[str, tuple[float, float]], Field(description="Of the predictions of each.")]
    worst: Annotated[list[WorstRow], Field(description="The rows that differ most, the first one most.")]


class ComparisonOrder(BaseModel):
    """What a web process asks the recorder."""

    model_config = ConfigDict(frozen=True)

    id: str
    model: str
    request: ComparisonRequest
    until: float
    """Unix seconds; nobody waits after that."""


class ComparisonReply(BaseModel):
    """What becomes of an order; of the three one is given, or none where what compared did not come to its end."""

    model_config = ConfigDict(frozen=True)

    comparison: Comparison | None = None
    unknown_version: str | None = None
    """Says which version is not there."""
    refused: str | None = None
    """Says why they cannot be compared."""
