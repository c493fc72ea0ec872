"""How good a trained version is, beside the champion on the same rows."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from core.schemas.numbers import Number


class GateLimits(BaseModel):
    """What a trained version must reach to be registered; a family's values are in ``core/handlers/gates``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rmse_max_min: Annotated[Number, Field(gt=0)] | None = None
    """Root mean squared error on the test months, in minutes; None: no limit."""
    noise_factor: Annotated[Number, Field(ge=0, le=10)] = 2.0
    """How many standard errors a version may be behind the champion."""


class Comparison(BaseModel):
    """A candidate and the champion on the same rows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    champion: str
    champion_rmse_min: float
    difference_min: float
    """RMSE of the candidate less that of the champion, in minutes."""
    standard_error_min: float
    """Of that difference: how much another sample of as many trips would change it."""
    champion_saw_test_data: bool
    """The champion learnt from a file that the comparison measures on, so it has an unfair lead."""
    prediction_shift_min: dict[str, float]
    """Candidate less champion at quantiles of the predictions, in minutes."""


class Slice(BaseModel):
    """Errors on a part of the test rows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: int
    rmse_min: float
    champion_rmse_min: float | None


class Verdict(BaseModel):
    """What the gate says: passed, or all the reasons why not."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    passed: bool
    reasons: tuple[str, ...]


class Evaluation(BaseModel):
    """Errors of a trained version on the test months."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: int
    rmse_min: float
    mae_min: float
    bias_min: float
    """Mean of prediction less duration."""
    validation_rmse_min: float | None
    """Of the same design fitted without the last days of training, on those days."""
    comparison: Comparison | None
    slices: dict[str, dict[str, Slice]]
    """By dimension and its value."""
    verdict: Verdict
