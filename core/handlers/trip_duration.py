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
from core.models.trip_duration.fallback import ZoneFallback
from core.models.trip_duration.fallback import parameters as fallback_parameters
from core.models.trip_duration.features import DISTANCE, DROPOFF, PAIR, PICKUP, as_arrays, derive
from core.models.trip_duration.linear import TOLERANCE, PairRegression
from core.schemas.snapshot import Taxi
from core.schemas.trip import TripRow
from core.utilities.errors import ArtifactError

if TYPE_CHECKING:
    import polars as pl

    from core.handlers.source import Source

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


class TripDurationHandler(BaseHandler):
    """Minutes of a taxi trip, from its zones and its distance."""

    row = TripRow
    example: ClassVar[Mapping[str, list[Any]]] = {PICKUP: [130], DROPOFF: [205], DISTANCE: [3.0]}
    designs: ClassVar[Mapping[str, Design]] = {"linear": LinearDesign()}
    artifact_classes = tuple(f"{kind.__module__}.{kind.__qualname__}" for kind in (PairRegression, ZoneFallback))
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

    def post_process(self, predictions: FloatArray) -> FloatArray:
        """Bound minutes from below."""
        return np.maximum(predictions, LOWER_BOUND_MIN)

    def sources(self) -> Mapping[Taxi, "Source"]:
        """Return the SQL and the preparation of each kind of taxi."""
        # polars takes half a second to import, and a worker, which imports this module, never trains.
        from core.handlers.trip_sources import TRIP_SOURCES  # noqa: PLC0415

        return TRIP_SOURCES

    def knows(self, predictor: Predictor, columns: Mapping[str, NDArray[Any]]) -> NDArray[np.bool_] | None:
        """Tell for each row whether training saw its zone pair; a team's own model cannot."""
        if not isinstance(predictor, PairRegression):
            return None
        return predictor.knows(derive(columns)[PAIR])

    def slices(self, rows: "pl.DataFrame", predictor: Predictor) -> "pl.DataFrame":
        """Measure by hour, boroughs, distance, and whether training saw the pair."""
        from core.handlers.trip_slices import trip_slices  # noqa: PLC0415 (as above)

        columns = {name: rows[name].to_numpy() for name in (PICKUP, DROPOFF, DISTANCE)}
        return trip_slices(rows, self.knows(predictor, columns))

    def measure(self, predictor: Predictor, examples: Examples) -> dict[str, Any]:
        """Return rows and RMSE in minutes, of pairs that training saw and of others also apart."""
        errors = self.predict(predictor, examples.columns) - examples.labels
        figures, seen = self.errors_told(errors), self.knows(predictor, examples.columns)
        if seen is None:
            return figures
        apart = {"seen_pairs": self.errors_told(errors[seen]), "unseen_pairs": self.errors_told(errors[~seen])}
        return {**figures, **apart}
