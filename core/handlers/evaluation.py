"""Evaluate: errors of a candidate on test trips, beside the champion's on the same rows."""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from core.handlers.base import Predictor
from core.schemas.evaluation import Comparison, Slice

FloatArray = NDArray[np.float64]

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
BAND_STARTS_MILES = (1.0, 2.0, 5.0, 10.0)
BANDS = np.array(["0 to 1", "1 to 2", "2 to 5", "5 to 10", "10 and more"])
SMALLEST_SLICE = 100
"""Rows; the error of fewer says more about the rows than about the model."""


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """What two models say about the same trips, (n_trips,) minutes each."""

    duration_min: FloatArray
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
    """Return the root of the mean square, in minutes."""
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
    ours, theirs = (given - predictions.duration_min for given in (predictions.candidate, predictions.champion))
    squared = ours**2 - theirs**2
    total = max(rmse(ours) + rmse(theirs), np.finfo(np.float64).tiny)
    shift = np.quantile(predictions.candidate, QUANTILES) - np.quantile(predictions.champion, QUANTILES)
    return Comparison(
        champion=champion.version,
        champion_rmse_min=rmse(theirs),
        difference_min=float(np.mean(squared)) / total,
        standard_error_min=float(np.std(squared)) / len(squared) ** 0.5 / total,
        champion_saw_test_data=bool(tested & champion.training_sha256),
        prediction_shift_min={f"{level:g}": float(value) for level, value in zip(QUANTILES, shift, strict=True)},
    )


def slices(trips: pl.DataFrame, seen: NDArray[np.bool_], predictions: Predictions) -> dict[str, dict[str, Slice]]:
    """Measure both models by hour, distance, borough pair, and whether the candidate's training saw the pair.

    Parameters
    ----------
    trips : polars.DataFrame
        As prepared, (n_trips, n_columns).
    seen : ndarray, (n_trips,) bool
        Whether training saw the zone pair.
    predictions : Predictions
        Of both on these trips.
    """
    dimensions: Mapping[str, pl.Expr] = {
        "pickup_hour": pl.col("pickup_at").dt.strftime("%H"),
        "boroughs": pl.format("{} to {}", "pickup_borough", "dropoff_borough"),
    }
    bands = BANDS[np.searchsorted(BAND_STARTS_MILES, trips["trip_distance"].to_numpy(), side="right")]
    columns = trips.select(value.alias(name) for name, value in dimensions.items()).with_columns(
        distance_miles=pl.Series(bands.tolist(), dtype=pl.String),
        zone_pair=pl.Series(np.where(seen, "seen", "unseen").tolist(), dtype=pl.String),
    )
    ours = (predictions.candidate - predictions.duration_min) ** 2
    theirs = None if predictions.champion is None else (predictions.champion - predictions.duration_min) ** 2
    squares = columns.with_columns(
        ours=pl.Series(ours),
        theirs=pl.lit(None, dtype=pl.Float64) if theirs is None else pl.Series(theirs),
    )
    return {name: _slices_of(squares, name) for name in columns.columns}


def _slices_of(squares: pl.DataFrame, name: str) -> dict[str, Slice]:
    means = (
        squares.group_by(name)
        .agg(rows=pl.len(), ours=pl.col("ours").mean().sqrt(), theirs=pl.col("theirs").mean().sqrt())
        .filter(pl.col("rows") >= SMALLEST_SLICE)
        .sort(name)
    )
    return {
        value: Slice(rows=rows, rmse_min=ours, champion_rmse_min=theirs) for value, rows, ours, theirs in means.rows()
    }


def columns_of(trips: pl.DataFrame, names: tuple[str, ...]) -> dict[str, NDArray[Any]]:
    """Return feature columns as arrays, (n_trips,) each."""
    return {name: trips[name].to_numpy() for name in names}
