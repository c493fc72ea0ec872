"""What comes out of a batch: a prediction or an error for each row."""

from dataclasses import dataclass, field
from enum import StrEnum


class RowErrorCode(StrEnum):
    """Why a row has no prediction."""

    INVALID_ROW = "invalid_row"
    """The row's features are not those of the model, or out of range."""
    MODEL_ERROR = "model_error"
    """The model raised on this row."""
    NOT_FINITE = "not_finite"
    """The model answered NaN or an infinity."""
    DEADLINE_PASSED = "deadline_passed"
    """Nobody waits for this row any more; it was not computed."""
    UNKNOWN_VERSION = "unknown_version"
    """The worker does not hold the version that was asked for."""
    POISON = "poison"
    """The row killed or hung the process that predicted it."""


@dataclass(frozen=True)
class RowError:
    """An error of one row: a code for programs, a detail for people (no stack, no path)."""

    code: RowErrorCode
    detail: str


@dataclass(frozen=True, kw_only=True)
class BatchOutcome:
    """Result of predicting a batch.

    ``predictions`` has one entry a row, ``None`` exactly where ``errors`` has the row's index.
    """

    predictions: list[float | None]
    errors: dict[int, RowError] = field(default_factory=dict)
    features_ms: float = 0.0
    predict_ms: float = 0.0
