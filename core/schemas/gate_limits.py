"""What a trained version must reach to be registered; a family's values are in ``core/handlers/gates``."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from core.schemas.numbers import Number, Whole

Positive = Annotated[Number, Field(gt=0)]
Unsigned = Annotated[Number, Field(ge=0)]


class VariantLimits(BaseModel):
    """What must hold for the figures from one set of columns; None: no limit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rmse_max: Positive | None = None
    """Root mean squared error on the test months, in the unit of the label."""
    noise_factor: Annotated[Number, Field(ge=0, le=10)] | None = 2.0
    """How many standard errors a version may be behind the champion; None: the champion is not asked."""


class SliceLimits(BaseModel):
    """What must hold for each slice, of all variants."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows_min: Annotated[Whole, Field(ge=1)] = 500
    """Slices of fewer rows are not judged."""
    behind_max: Unsigned | None = None
    """By how much the RMSE of a slice may be above the champion's, if it is above it by more than noise."""


class RegressionLimits(BaseModel):
    """How far a version may lie from the champion in what it predicts and what it relies on; None: no limit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    action: Literal["warn", "fail"] = "warn"
    """Whether a version beyond a limit is registered with a warning, or not at all."""
    stability_index_max: Unsigned | None = 0.25
    """Population stability index of the predictions; above 0.25 a shift is commonly called a large one."""
    ks_max: Annotated[Number, Field(ge=0, le=1)] | None = None
    quantile_shift_max: Unsigned | None = None
    """At any of the quantiles of the predictions."""
    importance_shift_max: Annotated[Number, Field(ge=0, le=1)] | None = None
    """Change of a column's share of all importances."""
    weight_shift_max: Unsigned | None = None
    """Relative shift of the weights."""


class GateLimits(VariantLimits):
    """All limits of the gate; those on top are for the figures from all columns."""

    variants: dict[str, VariantLimits] = Field(default_factory=dict)
    """By name of the variant; one that is not named here is not judged."""
    slices: SliceLimits = SliceLimits()
    regression: RegressionLimits = RegressionLimits()
