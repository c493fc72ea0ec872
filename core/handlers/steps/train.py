"""Step ``train``: fit the model to the training months."""

from typing import Any

import polars as pl

from core.handlers.base import TrainedModel
from core.handlers.preparation import PREPARATIONS
from core.handlers.split import PART, TEST
from core.handlers.tlc import FEATURES, Trips, filters
from core.handlers.trip_duration import TripDurationHandler
from core.schemas.run import first_day
from core.schemas.snapshot import Snapshot
from core.utilities.errors import DataError


def trained(
    snapshots: list[Snapshot],
    parts: dict[str, Any],
    train_months: list[str],
    label: str,
) -> TrainedModel:
    """Fit to all trips of the training months, the days of validation among them, and measure on the test months."""
    days = {first_day(month) for month in train_months}
    return TripDurationHandler().fit(
        _trips(parts["trips"].filter(pl.col(PART) != TEST), "training"),
        _trips(parts["trips"].filter(pl.col(PART) == TEST), "test"),
        label=label,
        training_data={file.name: file.sha256 for file in snapshots if file.month in days},
        parameters={
            "filters": filters(),
            "preparations": sorted({type(PREPARATIONS[file.taxi]).__name__ for file in snapshots}),
            "evaluation_data": {file.name: file.sha256 for file in snapshots if file.month not in days},
        },
    )


def _trips(part: pl.LazyFrame, name: str) -> Trips:
    frame = part.select(*FEATURES, "duration_min").collect()
    if frame.is_empty():
        raise DataError(f"no trip is left for {name}")
    return Trips(
        columns={column: frame[column].to_numpy() for column in FEATURES},
        duration_min=frame["duration_min"].to_numpy(),
    )
