"""Evaluate: errors of a candidate on test trips, beside the champion's on the same rows."""

from collections.abc import Set
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from core.handlers.distribution import ks_statistic, stability_index
from core.handlers.predictor import Predictor
from core.schemas.evaluation import Comparison, Slice

FloatArray = NDArray[np.float64]

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
SMALLEST_SLICE = 100
"""Rows; the error of fewer says more about the rows than about the model."""


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """What two models say about the same rows, (n_rows,) each, in the unit of the labels."""

    labels: FloatArray
    candidate: FloatArray
    champion: FloatArray | None


@dataclass(frozen=True, kw_only=True)
class Champion:
    """The version that a candidate is compared with."""

    version: str
    predictor: Predictor
    training_sha256: frozenset[str]
    """Of the files that it learnt from."""


def rmse(errors: FloatArray) -> float:
    """Return the root of the mean square, in the unit of the errors."""
    return float(np.sqrt(np.mean(errors**2)))


def compare(predictions: Predictions, champion: Champion, *, tested: Set[str]) -> Comparison | None:
    """Compare the candidate with the champion, trip by trip; None without its predictions.

    The difference of the two RMSEs is ``mean(d) / (a + b)``, where ``d`` is the difference of the squared errors of a
    trip and ``a``, ``b`` are the RMSEs, so its standard error is ``std(d) / sqrt(n) / (a + b)``: rows that are hard
    for both cancel. Trips are taken for independent, which they are nearly.

    Parameters
    ----------
    predictions : Predictions
        Of both on the test trips.
    champion : Champion
        The version that answers today.
    tested : set of str
        SHA-256 of the files that the test trips came from.
    """
    if predictions.champion is None:
        return None
    ours, theirs = (given - predictions.labels for given in (predictions.candidate, predictions.champion))
    squared = ours**2 - theirs**2
    total = max(rmse(ours) + rmse(theirs), np.finfo(np.float64).tiny)
    shift = np.quantile(predictions.candidate, QUANTILES) - np.quantile(predictions.champion, QUANTILES)
    return Comparison(
        champion=champion.version,
        champion_rmse=rmse(theirs),
        difference=float(np.mean(squared)) / total,
        standard_error=float(np.std(squared)) / len(squared) ** 0.5 / total,
        champion_saw_test_data=bool(tested & champion.training_sha256),
        stability_index=stability_index(predictions.candidate, predictions.champion),
        ks=ks_statistic(predictions.candidate, predictions.champion),
        prediction_shift={f"{level:g}": float(value) for level, value in zip(QUANTILES, shift, strict=True)},
    )


def slices(columns: pl.DataFrame, predictions: Predictions) -> dict[str, dict[str, Slice]]:
    """Measure both models by each dimension.

    Parameters
    ----------
    columns : polars.DataFrame
        One text column a dimension, (n_rows, n_dimensions).
    predictions : Predictions
        Of both on these rows.
    """
    ours = (predictions.candidate - predictions.labels) ** 2
    theirs = None if predictions.champion is None else (predictions.champion - predictions.labels) ** 2
    squares = columns.with_columns(
        ours=pl.Series(ours),
        theirs=pl.lit(None, dtype=pl.Float64) if theirs is None else pl.Series(theirs),
    )
    return {name: _slices_of(squares, name) for name in columns.columns}


def _slices_of(squares: pl.DataFrame, name: str) -> dict[str, Slice]:
    ours, theirs, difference = pl.col("ours"), pl.col("theirs"), pl.col("ours") - pl.col("theirs")
    both = ours.mean().sqrt() + theirs.mean().sqrt()
    error = pl.when(both > 0).then(difference.std(ddof=0) / pl.len().sqrt() / both).otherwise(both)  # as in compare
    means = (
        squares.group_by(name)
        .agg(rows=pl.len(), ours=ours.mean().sqrt(), theirs=theirs.mean().sqrt(), error=error)
        .filter(pl.col("rows") >= SMALLEST_SLICE)
        .sort(name)
    )
    return {
        value: Slice(rows=rows, rmse=ours, champion_rmse=theirs, standard_error=error)
        for value, rows, ours, theirs, error in means.rows()
    }
