"""What bulk scoring knows of the rows of one frame: which are good, and what came out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from core.schemas.outcome import RowError, RowErrorCode

ERROR = "error"
"""Column that says why a row has no prediction; null where it has one."""


@dataclass(frozen=True, kw_only=True)
class CheckedFrame:
    """The rows of a frame that can be predicted, and what is wrong with the others.

    Parameters
    ----------
    rows : int
        Rows of the frame.
    features : mapping of str to ndarray or list
        The features of the good rows, (n_good,) each; a list where a value may be missing.
    places : ndarray or None
        Where the good rows stand, (n_good,) int64; None if all are good.
    errors : Series or None
        What is wrong, (n_rows,) strings, null for good rows; None if all are good.
    """

    rows: int
    features: Mapping[str, Any]
    places: NDArray[np.int64] | None = None
    errors: pl.Series | None = None


def complaint(error: RowError) -> str:
    """Return what the error column says.

    Examples
    --------
    >>> complaint(RowError(RowErrorCode.MODEL_ERROR, "the model failed on this row"))
    'model_error: the model failed on this row'
    """
    return f"{error.code.value}: {error.detail}"


def invalid(detail: str) -> str:
    """Return what the error column says of a row that is not what the model takes."""
    return complaint(RowError(RowErrorCode.INVALID_ROW, detail))


def score_frame(
    checked: CheckedFrame, *, output: str, predictions: list[float | None], errors: Mapping[int, RowError]
) -> pl.DataFrame:
    """Put predictions and errors of the good rows beside those of the others.

    Parameters
    ----------
    checked : CheckedFrame
        The frame that was predicted.
    output : str
        Name of the column of predictions.
    predictions, errors : list, mapping
        Of the good rows, in their order.

    Returns
    -------
    DataFrame
        ``output`` (float64) and ``error`` (string), one of them null, (n_rows,) each.
    """
    values = np.array(predictions, dtype=np.float64)  # None becomes NaN
    texts = checked.errors
    if texts is None:
        texts = pl.repeat(None, checked.rows, dtype=pl.String, eager=True)
    places = checked.places
    if places is not None:
        good, values = values, np.full(checked.rows, np.nan)
        values[places] = good
    if errors:
        wrong = np.array(sorted(errors), dtype=np.int64)
        texts = texts.scatter(
            wrong if places is None else places[wrong], [complaint(errors[i]) for i in sorted(errors)]
        )
    return pl.DataFrame([pl.Series(output, values).set(texts.is_not_null(), None), texts.alias(ERROR)])
