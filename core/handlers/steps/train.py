"""Step ``train``: fit the model to the training months."""

from typing import Any

import polars as pl

from core.handlers.base import BaseHandler, TrainedModel
from core.handlers.examples import Examples
from core.handlers.split import PART, TEST
from core.schemas.run import first_day
from core.schemas.snapshot import Snapshot
from core.utilities.errors import DataError


def trained(
    *,
    handler: BaseHandler,
    design: str,
    snapshots: list[Snapshot],
    parts: dict[str, Any],
    train_months: list[str],
    label: str,
) -> TrainedModel:
    """Fit to all rows of the training months, the days of validation among them, and measure on the test months."""
    days, sources = {first_day(month) for month in train_months}, handler.sources()
    used = [sources[taxi] for taxi in sorted({file.taxi for file in snapshots})]
    return handler.train(
        _examples(handler, parts["rows"].filter(pl.col(PART) != TEST), "training"),
        _examples(handler, parts["rows"].filter(pl.col(PART) == TEST), "test"),
        label=label,
        design=design,
        training_data={file.name: file.sha256 for file in snapshots if file.month in days},
        parameters={
            "filters": used[0].filter_limits,
            "preparations": sorted({type(source.preparation).__name__ for source in used}),
            "evaluation_data": {file.name: file.sha256 for file in snapshots if file.month not in days},
        },
    )


def _examples(handler: BaseHandler, part: pl.LazyFrame, name: str) -> Examples:
    examples = handler.examples(part)
    if not len(examples.labels):
        raise DataError(f"no row is left for {name}")
    return examples
