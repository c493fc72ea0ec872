"""The models as an in-process service calls them: trips in, minutes out.

Which one a process serves is said by the environment: ``BENCH_MODEL`` (its name), and ``BENCH_MODEL_FILE`` (a pickle,
except for the linear model, which ships).
"""

import os
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, cast

import numpy as np

from bench.dial import DURATION_MIN, DialModel
from bench.trees import TreesModel
from bench.trips import reference
from core.models.trip_duration.features import DISTANCE, PAIR
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
    kinds: dict[str, type[Linear] | type[Trees] | type[Dial]] = {"linear": Linear, "trees": Trees, "dial": Dial}
    return kinds[os.environ["BENCH_MODEL"]]()


def _file() -> Path:
    return Path(os.environ["BENCH_MODEL_FILE"])
