"""Step ``evaluate``: the new model beside the champion, on the test months."""

from typing import Any

import polars as pl

from core.handlers.base import BaseHandler, TrainedModel
from core.handlers.evaluation import Champion
from core.handlers.measurement import Rehearsal, Trial
from core.handlers.split import PART, TEST, TRAIN, VALIDATION
from core.schemas.evaluation import Evaluation
from core.schemas.gate_limits import GateLimits
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
    """Measure both models, by slice and from fewer columns too, and let the gate judge."""
    rows = parts["rows"].filter(pl.col(PART) == TEST)
    sliced = rows.select(*handler.row.model_fields, *handler.slice_columns).collect()
    trial = Trial(
        handler=handler,
        candidate=trained.predictor,
        champion=champion,
        examples=handler.examples(rows),
        slices=handler.slices(sliced, trained.predictor),
        tested={file.sha256 for file in snapshots if f"{file.month:%Y-%m}" in test_months},
        rehearsal=_rehearse(handler, design, parts["rows"]),
    )
    measured = trial.measure()
    return Evaluation(**dict(measured), verdict=judge(measured, gate))


def _rehearse(handler: BaseHandler, design: str, rows: pl.LazyFrame) -> Rehearsal | None:
    """Fit to the days before those of validation."""
    early, late = (handler.examples(rows.filter(pl.col(PART) == part)) for part in (TRAIN, VALIDATION))
    if not len(early.labels) or not len(late.labels):
        return None
    return Rehearsal(predictor=handler.design(design)[1].fit(early.columns, early.labels), examples=late)
