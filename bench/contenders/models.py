"""The models as an in-process service calls them: trips in, minutes out.

Which one a process serves is said by the environment: ``BENCH_MODEL`` (its name), and ``BENCH_MODEL_FILE`` (a pickle,
except for the models that ship).
"""

import os
import pickle
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, cast

import numpy as np

from bench.dial import DURATION_MIN, DialModel
from bench.trees import TreesModel
from bench.trips import reference
from config import ROOT
from core.managers.artifacts import find_champion, load_version
from core.models.trip_duration.features import DISTANCE, DROPOFF, PAIR, PICKUP, as_timed_arrays
from core.schemas.catalog import TRIP_DURATION
from core.schemas.trip import TripRow


class Model(Protocol):
    """What a handler calls."""

    def predict(self, trips: Sequence[TripRow]) -> list[float]:
        """Predict the trips as one matrix, in minutes."""
        ...


class Linear:
    """The shipped ``DictVectorizer`` and ``LinearRegression``, called as scikit-learn's documentation shows it."""

    def __init__(self) -> None:
        model = reference()
        self.vectorizer, self.regression = model.vectorizer, model.regression

    def predict(self, trips: Sequence[TripRow]) -> list[float]:
        """Transform, predict."""
        rows = [{PAIR: f"{t.PULocationID}_{t.DOLocationID}", DISTANCE: t.trip_distance} for t in trips]
        return cast(list[float], self.regression.predict(self.vectorizer.transform(rows)).tolist())


class Champion:
    """The version that answers by default, called as our worker calls it."""

    def __init__(self) -> None:
        folder = find_champion(ROOT / "repo" / "models", TRIP_DURATION.model)
        self.predictor = load_version(folder, entry=TRIP_DURATION).predictor

    def predict(self, trips: Sequence[TripRow]) -> list[float]:
        """Make columns, predict."""
        columns: dict[str, list[float]] = {
            PICKUP: [trip.PULocationID for trip in trips],
            DROPOFF: [trip.DOLocationID for trip in trips],
            DISTANCE: [trip.trip_distance for trip in trips],
        }
        return cast(list[float], self.predictor.transform(as_timed_arrays(columns)).tolist())


class Trees:
    """The gradient-boosted trees on zone ids and miles."""

    def __init__(self) -> None:
        model: TreesModel = pickle.loads(_file().read_bytes())  # noqa: S301 (the benchmark's own)
        self.regressor = model.regressor

    def predict(self, trips: Sequence[TripRow]) -> list[float]:
        """Build the matrix, predict."""
        matrix = np.array([(t.PULocationID, t.DOLocationID, t.trip_distance) for t in trips])
        return cast(list[float], self.regressor.predict(matrix).tolist())


class Dial:
    """The model whose cost can be set."""

    def __init__(self) -> None:
        self.model: DialModel = pickle.loads(_file().read_bytes())  # noqa: S301 (the benchmark's own)

    def predict(self, trips: Sequence[TripRow]) -> list[float]:
        """Burn."""
        self.model.burn(len(trips))
        return [DURATION_MIN] * len(trips)


def load_model() -> Model:
    """Load the model that the environment names."""
    kinds: dict[str, Callable[[], Model]] = {"linear": Linear, "champion": Champion, "trees": Trees, "dial": Dial}
    return kinds[os.environ["BENCH_MODEL"]]()


def _file() -> Path:
    return Path(os.environ["BENCH_MODEL_FILE"])
