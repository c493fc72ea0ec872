"""How good a trained version is, beside the champion on the same rows.

Errors, differences and shifts are in the unit of the family's label: minutes, for trips.
"""

from pydantic import BaseModel, ConfigDict


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Comparison(_Told):
    """A candidate and the champion on the same rows."""

    champion: str
    champion_rmse: float
    difference: float
    """RMSE of the candidate less that of the champion."""
    standard_error: float
    """Of that difference: how much another sample of as many rows would change it."""
    champion_saw_test_data: bool
    """The champion learnt from a file that the comparison measures on, so it has an unfair lead."""
    prediction_shift: dict[str, float]
    """Candidate less champion at quantiles of the predictions."""
    stability_index: float
    """Population stability index of the predictions: 0 where both have the same distribution."""
    ks: float
    """Kolmogorov-Smirnov statistic of the predictions, 0..1: the largest gap of the two distribution functions."""


class Slice(_Told):
    """Errors on a part of the test rows."""

    rows: int
    rmse: float
    champion_rmse: float | None
    standard_error: float | None
    """Of the difference of the two."""


class Figures(_Told):
    """Errors of a version on the test months, from one set of columns."""

    rows: int
    rmse: float
    mae: float
    bias: float
    """Mean of prediction less label."""
    validation_rmse: float | None
    """Of the same design fitted without the last days of training, on those days."""
    comparison: Comparison | None
    slices: dict[str, dict[str, Slice]]
    """By dimension and its value."""


class Importance(_Told):
    """By how much the RMSE grows when a column's values are shuffled: how much a model relies on it."""

    candidate: float
    champion: float | None


class WeightShift(_Told):
    """How far the weights of two models of the same design lie apart."""

    shared: int
    """Weights that both have."""
    appeared: int
    vanished: int
    relative_shift: float
    """Root mean square of the differences of shared weights over that of the champion's weights."""
    largest: dict[str, float]
    """Candidate less champion, for the weights that moved furthest."""


class CalibrationBin(_Told):
    """Rows of similar prediction."""

    rows: int
    predicted: float
    """Mean of the predictions."""
    actual: float
    """Mean of the labels."""


class Residuals(_Told):
    """How the errors are distributed: ``rows[i]`` lie in ``edges[i]..edges[i + 1]``, what lies outside in the outer bins."""

    edges: list[float]
    rows: list[int]


class Portrait(_Told):
    """What the model card draws."""

    calibration: list[CalibrationBin]
    residuals: Residuals


class Measurement(Figures):
    """All that is measured of a trained version on the test months; the figures on top are those from all columns."""

    variants: dict[str, Figures]
    """From fewer columns: what a caller gets who leaves them out."""
    unit: str
    """Of the label; empty where it has none, as a share."""
    importances: dict[str, Importance]
    """By raw column."""
    weights: WeightShift | None
    """None without a champion of the same design, or for a design whose predictor tells no weights."""
    portrait: Portrait


class Verdict(_Told):
    """What the gate says: passed, or all the reasons why not."""

    passed: bool
    reasons: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    """What differs from the champion by more than the limits of the regression test, where those only warn."""


class Evaluation(Measurement):
    """What was measured, and what the gate says of it."""

    verdict: Verdict
