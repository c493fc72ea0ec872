"""Step ``evaluate``: the new model beside the champion, on the test months."""

from typing import Any

import numpy as np
import polars as pl

from core.handlers.base import BaseHandler, TrainedModel
from core.handlers.evaluation import Champion, Predictions, compare, rmse, slices
from core.handlers.split import PART, TEST, TRAIN, VALIDATION
from core.schemas.evaluation import Evaluation, GateLimits
from core.schemas.snapshot import Snapshot
from core.services.evaluation_gate import judge


def evaluation(
    *,
    handler: BaseHandler,
    design: str,
    snapshots: list[Snapshot],
    parts: dict[str, Any],
    trained: TrainedModel,
    champion: Champion | None,
    gate: GateLimits,
    test_months: list[str],
) -> Evaluation:
    """Measure both models, by slice too, and let the gate judge."""
    rows = parts["rows"].filter(pl.col(PART) == TEST)
    examples = handler.examples(rows)
    predictions = Predictions(
        labels=examples.labels,
        candidate=handler.predict(trained.predictor, examples.columns),
        champion=None if champion is None else handler.predict(champion.predictor, examples.columns),
    )
    tested = {file.sha256 for file in snapshots if f"{file.month:%Y-%m}" in test_months}
    comparison = None if champion is None else compare(predictions, champion, tested=tested)
    errors = predictions.candidate - predictions.labels
    sliced = rows.select(*handler.row.model_fields, *handler.slice_columns).collect()
    return Evaluation(
        rows=len(errors),
        rmse_min=rmse(errors),
        mae_min=float(np.mean(np.abs(errors))),
        bias_min=float(np.mean(errors)),
        validation_rmse_min=_validated(handler, design, parts["rows"]),
        comparison=comparison,
        slices=slices(handler.slices(sliced, trained.predictor), predictions),
        verdict=judge(rmse(errors), comparison, gate),
    )


def _validated(handler: BaseHandler, design: str, rows: pl.LazyFrame) -> float | None:
    """Return the error on the days of validation of a model that was fitted to the days before them."""
    early, late = (handler.examples(rows.filter(pl.col(PART) == part)) for part in (TRAIN, VALIDATION))
    if not len(early.labels) or not len(late.labels):
        return None
    predictor = handler.design(design)[1].fit(early.columns, early.labels)
    return rmse(handler.predict(predictor, late.columns) - late.labels)
