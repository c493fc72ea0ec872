"""Trains and serves the trip-duration model."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LinearRegression

from core.handlers.base import Predictor, TrainedModel
from core.handlers.batch import Columns, serve_rows
from core.handlers.columns import column_rules
from core.models.trip_duration.fallback import ZoneFallback
from core.models.trip_duration.fallback import parameters as fallback_parameters
from core.models.trip_duration.features import DISTANCE, DROPOFF, PAIR, PICKUP, as_arrays, derive
from core.models.trip_duration.linear import TOLERANCE, PairRegression
from core.schemas.manifest import GoldenRows
from core.schemas.outcome import BatchOutcome
from core.schemas.trip import TripRow
from core.utilities.errors import ArtifactError
from core.utilities.hashing import sha256_of_file

if TYPE_CHECKING:
    from core.handlers.tlc import Trips

LOWER_BOUND_MIN = 0.0
"""No trip lasts less than no time, whatever a team's own model says."""
GOLDEN_SEEN = 16
GOLDEN_UNSEEN = 8


class TripDurationHandler:
    """Minutes of a taxi trip, from its zones and its distance."""

    name = "trip_duration"
    artifact_classes = tuple(f"{kind.__module__}.{kind.__qualname__}" for kind in (PairRegression, ZoneFallback))

    def __init__(self) -> None:
        self._rules = column_rules(TripRow)
        self.example: Mapping[str, list[Any]] = {PICKUP: [130], DROPOFF: [205], DISTANCE: [3.0]}

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

    def serve(self, predictor: Predictor, columns: Columns) -> BatchOutcome:
        """Predict a batch of trips; see :func:`core.handlers.batch.serve_rows`."""
        # Our own model reads the zones themselves; a name for each pair would cost more than all the rest.
        prepare = as_arrays if isinstance(predictor, PairRegression) else derive
        return serve_rows(predictor, columns, rules=self._rules, prepare=prepare, finish=_finish)

    def train(self, *, training: Sequence[Path], evaluation: Sequence[Path], label: str) -> TrainedModel:
        """Fit the reference design and its fallback to TLC files.

        Parameters
        ----------
        training, evaluation : sequence of Path
            Parquet files; the second are only measured on.
        label : str
            What the version id starts with, such as the month.

        Raises
        ------
        DataError
            If a file cannot be read, or holds no valid trip.
        """
        # polars takes half a second to import, and a worker, which imports this module, never trains.
        from core.handlers.tlc import filters, read_trips  # noqa: PLC0415

        return self.fit(
            read_trips(training),
            read_trips(evaluation),
            label=label,
            training_data={path.name: sha256_of_file(path) for path in training},
            parameters={
                "filters": filters(),
                "evaluation_data": {path.name: sha256_of_file(path) for path in evaluation},
            },
        )

    def fit(
        self,
        training: "Trips",
        evaluation: "Trips",
        *,
        label: str,
        training_data: Mapping[str, str],
        parameters: Mapping[str, Any],
    ) -> TrainedModel:
        """Fit the reference design and its fallback to valid trips, and measure it on both sets.

        Parameters
        ----------
        training, evaluation : Trips
            The second are only measured on.
        label : str
            What the version id starts with, such as the month.
        training_data : mapping of str to str
            SHA-256 of each file that the training trips came from, by name.
        parameters : mapping
            JSON values that decided which trips these are.
        """
        model = PairRegression.fit(derive(training.columns), training.duration_min)
        return TrainedModel(
            predictor=model,
            label=f"{label}-linear",
            training_data=dict(training_data),
            parameters={
                "design": f"DictVectorizer({PAIR}, {DISTANCE}) + LinearRegression",
                "tol": TOLERANCE,
                "fallback": fallback_parameters(),
                **parameters,
            },
            metrics={"training": evaluate(model, training), "evaluation": evaluate(model, evaluation)},
            golden_rows=self._golden_rows(model, training, evaluation),
        )

    def predict(self, predictor: Predictor, columns: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
        """Predict valid rows as they are served, (n_rows,) float64 minutes: derived, transformed, bounded."""
        return _finish(np.asarray(predictor.transform(derive(columns)), dtype=np.float64))

    def _golden_rows(self, model: PairRegression, trips: "Trips", test: "Trips") -> GoldenRows:
        """Take the example, trips spread over the training data, and trips of pairs that it does not have."""
        unseen = np.flatnonzero(~model.knows(derive(test.columns)[PAIR]))
        picks = (
            (trips, np.linspace(0, len(trips.duration_min) - 1, GOLDEN_SEEN, dtype=np.int64)),
            (test, unseen[:: max(1, len(unseen) // GOLDEN_UNSEEN)][:GOLDEN_UNSEEN]),
        )
        columns = {
            name: [*first, *(value for source, rows in picks for value in source.columns[name][rows].tolist())]
            for name, first in self.example.items()
        }
        predictions = self.serve(model, columns).predictions
        return GoldenRows(columns=columns, predictions=[value for value in predictions if value is not None])


def evaluate(model: PairRegression, trips: "Trips") -> dict[str, Any]:
    """Measure a model on trips, pairs that it knows and pairs that it does not know also apart.

    Returns
    -------
    dict
        ``rows`` and ``rmse_min`` (root mean squared error in minutes), for all trips and for both kinds.
    """
    features = derive(trips.columns)
    errors = _finish(model.transform(features)) - trips.duration_min
    seen = model.knows(features[PAIR])
    return {**_rmse(errors), "seen_pairs": _rmse(errors[seen]), "unseen_pairs": _rmse(errors[~seen])}


def _rmse(errors: NDArray[np.float64]) -> dict[str, Any]:
    return {"rows": len(errors), "rmse_min": float(np.sqrt(np.mean(errors**2))) if len(errors) else None}


def _finish(minutes: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.maximum(minutes, LOWER_BOUND_MIN)
