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

REHEARSED_ROWS = 1_000_000
"""From more rows than these the rehearsal learns from evenly spread ones: it is there to compare designs, not to serve."""


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
    early, late = (rows.filter(pl.col(PART) == part) for part in (TRAIN, VALIDATION))
    learnt, measured = handler.examples(_spread(early, REHEARSED_ROWS)), handler.examples(late)
    if not len(learnt.labels) or not len(measured.labels):
        return None
    return Rehearsal(predictor=handler.design(design)[1].fit(learnt.columns, learnt.labels), examples=measured)


def _spread(rows: pl.LazyFrame, most: int) -> pl.LazyFrame:
    """Return every n-th row, so that they are not more than ``most``."""
    count = rows.select(pl.len()).collect(engine="streaming").item()
    every = -(-count // most) or 1
    return rows.with_row_index("row").filter(pl.col("row") % every == 0)  # unlike gather_every, this streams
