"""Trains and serves the tip model: the worked example of docs/new-family.md."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from core.handlers.base import BaseHandler, FloatArray
from core.handlers.batch import Columns
from core.handlers.design import Design
from core.handlers.predictor import Predictor
from core.models.tip_share.features import BAND_STARTS_DOLLARS, DROPOFF, FARE, PICKUP, derive
from core.models.tip_share.zones import ROUNDS, SHRINKAGE_ROWS, ZoneTips
from core.schemas.snapshot import Taxi
from core.schemas.tip import TipRow

if TYPE_CHECKING:
    import polars as pl

    from core.handlers.source import Source


class ZoneDesign:
    """Effects of either zone and of the fare's band."""

    predictor = ZoneTips

    @property
    def parameters(self) -> Mapping[str, Any]:
        """What decides the fit."""
        return {
            "design": "mean + fare band + pickup zone + drop-off zone",
            "band_starts_dollars": list(BAND_STARTS_DOLLARS),
            "shrinkage_rows": SHRINKAGE_ROWS,
            "rounds": ROUNDS,
        }

    def fit(self, columns: Mapping[str, NDArray[Any]], labels: FloatArray) -> Predictor:
        """Fit to zones, dollars and shares."""
        return ZoneTips.fit(derive(columns), labels)

    def features(self, columns: Columns) -> Mapping[str, NDArray[Any]]:
        """Return the zones and the fare's band."""
        return derive(columns)


class TipShareHandler(BaseHandler):
    """Tip of a card payment as a share of the fare, from zones and fare."""

    row = TipRow
    example: ClassVar[Mapping[str, list[Any]]] = {PICKUP: [130], DROPOFF: [205], FARE: [14.5]}
    designs: ClassVar[Mapping[str, Design]] = {"zones": ZoneDesign()}
    artifact_classes = (f"{ZoneTips.__module__}.{ZoneTips.__qualname__}",)
    label = "tip_share"
    unit = "share"
    slice_columns = ("pickup_borough", "dropoff_borough")

    def features(self, columns: Columns) -> Mapping[str, NDArray[Any]]:
        """Return what a team's own model reads: the raw columns, and the fare's band."""
        return derive(columns)

    def post_process(self, predictions: FloatArray) -> FloatArray:
        """Bound shares to 0..1."""
        return np.clip(predictions, 0.0, 1.0)

    def sources(self) -> Mapping[Taxi, "Source"]:
        """Return the SQL and the preparation of each kind of taxi."""
        from core.handlers.tip_sources import TIP_SOURCES  # noqa: PLC0415 (a worker does without polars)

        return TIP_SOURCES

    def slices(self, rows: "pl.DataFrame", predictor: Predictor) -> "pl.DataFrame":
        """Measure by borough at either end."""
        del predictor
        return rows.select(pickup="pickup_borough", dropoff="dropoff_borough")
