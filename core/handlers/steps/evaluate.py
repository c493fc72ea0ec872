"""Step ``evaluate``: the new model beside the champion, on the test months."""

from typing import Any, cast

import numpy as np
import polars as pl

from core.handlers.base import TrainedModel
from core.handlers.evaluation import Champion, FloatArray, Predictions, columns_of, compare, rmse, slices
from core.handlers.split import PART, TEST, TRAIN, VALIDATION
from core.handlers.tlc import FEATURES
from core.handlers.trip_duration import TripDurationHandler
from core.models.trip_duration.features import PAIR, derive
from core.models.trip_duration.linear import PairRegression
from core.schemas.evaluation import Evaluation, GateLimits
from core.schemas.snapshot import Snapshot
from core.services.evaluation_gate import judge

_HANDLER = TripDurationHandler()
_NAMES = tuple(FEATURES)
_COLUMNS = (*_NAMES, "duration_min", "pickup_at", "pickup_borough", "dropoff_borough")


def evaluation(
    *,
    snapshots: list[Snapshot],
    parts: dict[str, Any],
    trained: TrainedModel,
    champion: Champion | None,
    gate: GateLimits,
    test_months: list[str],
) -> Evaluation:
    """Measure both models, by slice too, and let the gate judge."""
    trips = parts["trips"].filter(pl.col(PART) == TEST).select(_COLUMNS).collect()
    columns = columns_of(trips, _NAMES)
    predictions = Predictions(
        duration_min=trips["duration_min"].to_numpy(),
        candidate=_HANDLER.predict(trained.predictor, columns),
        champion=None if champion is None else _HANDLER.predict(champion.predictor, columns),
    )
    tested = {file.sha256 for file in snapshots if f"{file.month:%Y-%m}" in test_months}
    comparison = None if champion is None else compare(predictions, champion, tested=tested)
    errors = predictions.candidate - predictions.duration_min
    seen = cast(PairRegression, trained.predictor).knows(derive(columns)[PAIR])
    return Evaluation(
        rows=len(errors),
        rmse_min=rmse(errors),
        mae_min=float(np.mean(np.abs(errors))),
        bias_min=float(np.mean(errors)),
        validation_rmse_min=_validated(parts["trips"]),
        comparison=comparison,
        slices=slices(trips, seen, predictions),
        verdict=judge(rmse(errors), comparison, gate),
    )


def _validated(trips: pl.LazyFrame) -> float | None:
    """Return the error on the days of validation of a model that was fitted to the days before them."""
    early, late = (
        trips.filter(pl.col(PART) == part).select(*_NAMES, "duration_min").collect() for part in (TRAIN, VALIDATION)
    )
    if early.is_empty() or late.is_empty():
        return None
    model = PairRegression.fit(derive(columns_of(early, _NAMES)), early["duration_min"].to_numpy())
    minutes: FloatArray = late["duration_min"].to_numpy()
    return rmse(_HANDLER.predict(model, columns_of(late, _NAMES)) - minutes)
