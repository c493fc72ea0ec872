"""Trains and serves the trip-duration model."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LinearRegression

from core.handlers.base import BaseHandler, FloatArray
from core.handlers.batch import Columns
from core.handlers.design import Design
from core.handlers.examples import Examples
from core.handlers.predictor import Predictor
from core.handlers.zone_centroids import zone_centroids
from core.models.trip_duration.boosted import BoostedTrips
from core.models.trip_duration.boosted import parameters as boosted_parameters
from core.models.trip_duration.fallback import ZoneFallback
from core.models.trip_duration.fallback import parameters as fallback_parameters
from core.models.trip_duration.features import (
    DISTANCE,
    DROPOFF,
    PAIR,
    PICKUP,
    PICKUP_TIME,
    as_arrays,
    as_timed_arrays,
    derive,
)
from core.models.trip_duration.geometry import COLUMNS, TIME_COLUMNS
from core.models.trip_duration.linear import TOLERANCE, PairRegression
from core.models.trip_duration.trees import Trees
from core.schemas.snapshot import Taxi
from core.schemas.trip import TripRow
from core.utilities.errors import ArtifactError

if TYPE_CHECKING:
    import polars as pl

    from core.handlers.source import Source

MEASURED_ROWS = 2_000_000
"""Of more rows than these the manifest's figures are of evenly spread ones."""
LOWER_BOUND_MIN = 0.0
"""No trip lasts less than no time, whatever a team's own model says."""


class LinearDesign:
    """The reference: a linear regression over zone pair and distance, and a fallback for pairs that it does not know."""

    predictor = PairRegression

    @property
    def parameters(self) -> Mapping[str, Any]:
        """What decides the fit."""
        return {
            "design": f"DictVectorizer({PAIR}, {DISTANCE}) + LinearRegression",
            "tol": TOLERANCE,
            "fallback": fallback_parameters(),
        }

    def fit(self, columns: Mapping[str, NDArray[Any]], labels: FloatArray) -> Predictor:
        """Fit to zones, miles and minutes."""
        return PairRegression.fit(derive(columns), labels)

    def features(self, columns: Columns) -> Mapping[str, NDArray[Any]]:
        """Return the zones themselves: a name for each pair would cost more than all the rest."""
        return as_arrays(columns)


class BoostedDesign:
    """Boosted trees over zones, places, distance, and the time of pickup where a trip has one."""

    predictor = BoostedTrips

    @property
    def parameters(self) -> Mapping[str, Any]:
        """What decides the fit."""
        return {"design": "boosted trees, without and with the time of pickup", **boosted_parameters()}

    def fit(self, columns: Mapping[str, NDArray[Any]], labels: FloatArray) -> Predictor:
        """Fit to zones, miles, times and minutes."""
        return BoostedTrips.fit(columns, labels, centroids=zone_centroids())

    def features(self, columns: Columns) -> Mapping[str, NDArray[Any]]:
        """Return the raw columns as arrays; the model knows where the zones lie."""
        return as_timed_arrays(columns)


class TripDurationHandler(BaseHandler):
    """Minutes of a taxi trip, from its zones, its distance, and the time of pickup where it is known."""

    row = TripRow
    example: ClassVar[Mapping[str, list[Any]]] = {
        PICKUP: [130],
        DROPOFF: [205],
        DISTANCE: [3.0],
        PICKUP_TIME: ["2021-01-05T08:30:00"],
    }
    designs: ClassVar[Mapping[str, Design]] = {"boosted": BoostedDesign(), "linear": LinearDesign()}
    artifact_classes = tuple(
        f"{kind.__module__}.{kind.__qualname__}" for kind in (BoostedTrips, Trees, PairRegression, ZoneFallback)
    )
    label = "duration_min"
    unit = "min"
    slice_columns = ("pickup_at", "pickup_borough", "dropoff_borough")

    def adapt(self, loaded: object) -> Predictor:
        """Make a predictor of what an artifact held.

        Either a pair ``(DictVectorizer, LinearRegression)`` of the reference design, whose fallback is derived
        from its coefficients, or an object with a method ``transform(columns)``.

        Raises
        ------
        ArtifactError
            If it is neither.
        """
        match loaded:
            case (DictVectorizer() as vectorizer, LinearRegression() as regression):
                try:
                    return PairRegression(vectorizer, regression)
                except (ValueError, TypeError, AttributeError) as error:
                    raise ArtifactError(f"the pickled regression cannot serve: {error}") from error
            case object(transform=method) if callable(method):
                return loaded  # duck-typed: it has what Predictor asks for
        raise ArtifactError("the pickle holds neither (DictVectorizer, LinearRegression) nor an object with transform")

    def features(self, columns: Columns) -> Mapping[str, NDArray[Any]]:
        """Return what a team's own model reads: the raw columns, and the name of each pair."""
        return derive(columns)

    def shown(self, predictor: Predictor, columns: Columns) -> Mapping[str, NDArray[Any]]:
        """Return what ``prepare`` shows: for trees, all the columns that they look at."""
        if not isinstance(predictor, BoostedTrips):
            return super().shown(predictor, columns)
        matrix = predictor.matrix(as_timed_arrays(columns))
        return dict(zip((*COLUMNS, *TIME_COLUMNS), matrix.T, strict=True))

    def post_process(self, predictions: FloatArray) -> FloatArray:
        """Bound minutes from below."""
        return np.maximum(predictions, LOWER_BOUND_MIN)

    def sources(self) -> Mapping[Taxi, "Source"]:
        """Return the SQL and the preparation of each kind of taxi."""
        # polars takes half a second to import, and a worker, which imports this module, never trains.
        from core.handlers.trip_sources import TRIP_SOURCES  # noqa: PLC0415

        return TRIP_SOURCES

    def examples(self, rows: "pl.LazyFrame") -> Examples:
        """Take the raw columns and the labels; zone ids in two bytes, as there may be many millions of rows."""
        import polars as pl  # noqa: PLC0415 (as above)

        zones = (pl.col(name).cast(pl.Int16) for name in (PICKUP, DROPOFF))
        frame = rows.select(*zones, DISTANCE, PICKUP_TIME, self.label).collect(engine="streaming")
        # An array may be a copy, so each column leaves the frame as it becomes one.
        columns = {name: frame.drop_in_place(name).to_numpy() for name in frame.columns}
        return Examples(labels=columns.pop(self.label), columns=columns)

    def as_sent(self, values: NDArray[Any]) -> list[Any]:
        """Return raw values as they come in a request; every second time is left out, as callers may do."""
        if values.dtype.kind != "M":
            return super().as_sent(values)
        texts = values.astype("datetime64[s]").astype(str).tolist()
        return [None if number % 2 else text for number, text in enumerate(texts)]

    def knows(self, predictor: Predictor, columns: Mapping[str, NDArray[Any]]) -> NDArray[np.bool_] | None:
        """Tell for each row whether training saw its zone pair; a team's own model cannot."""
        match predictor:
            case BoostedTrips():
                return predictor.knows(columns[PICKUP], columns[DROPOFF])
            case PairRegression():
                return predictor.knows(derive(columns)[PAIR])
        return None

    def slices(self, rows: "pl.DataFrame", predictor: Predictor) -> "pl.DataFrame":
        """Measure by hour, boroughs, distance, and whether training saw the pair."""
        from core.handlers.trip_slices import trip_slices  # noqa: PLC0415 (as above)

        columns = {name: rows[name].to_numpy() for name in (PICKUP, DROPOFF, DISTANCE)}
        return trip_slices(rows, self.knows(predictor, columns))

    def measure(self, predictor: Predictor, examples: Examples) -> dict[str, Any]:
        """Return rows and RMSE in minutes, of pairs that training saw and of others also apart."""
        every = slice(None, None, -(-len(examples.labels) // MEASURED_ROWS) or 1)
        columns = {name: values[every] for name, values in examples.columns.items()}
        labels = examples.labels[every]
        errors = self.predict(predictor, columns) - labels
        figures, seen = self.errors_told(errors), self.knows(predictor, columns)
        if seen is None:
            return figures
        apart = {"seen_pairs": self.errors_told(errors[seen]), "unseen_pairs": self.errors_told(errors[~seen])}
        return {**figures, **apart}
