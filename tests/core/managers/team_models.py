"""A team's own Python classes, as an operator would allow them."""

import time
from collections.abc import Mapping
from typing import Any

import numpy as np


class PaceModel:
    """So many minutes a mile."""

    def __init__(self, pace: float) -> None:
        self.pace = pace

    def transform(self, columns: Mapping[str, Any]) -> Any:
        return columns["trip_distance"] * self.pace


class LearntPace:
    """As many minutes a mile as the training trips took."""

    pace = 0.0

    def fit(self, columns: Mapping[str, Any], labels: Any) -> "LearntPace":
        self.pace = float(np.sum(labels) / np.sum(columns["trip_distance"]))
        return self

    def transform(self, columns: Mapping[str, Any]) -> Any:
        return columns["trip_distance"] * self.pace


class WrappedModel:
    """A scikit-learn estimator on zones and distance."""

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator

    def transform(self, columns: Mapping[str, Any]) -> Any:
        names = ("PULocationID", "DOLocationID", "trip_distance")
        return self.estimator.predict(np.column_stack([columns[name] for name in names]))


class FailingModel:
    """Raises on every row."""

    def transform(self, columns: Mapping[str, Any]) -> Any:
        raise RuntimeError("never works")


class MoodyModel:
    """Answers another number each time, so its golden rows cannot hold."""

    def transform(self, columns: Mapping[str, Any]) -> Any:
        return columns["trip_distance"] + time.perf_counter()


def not_a_class() -> None:
    """What an operator may allow by mistake."""


NAMES = [
    f"{kind.__module__}.{kind.__qualname__}" for kind in (PaceModel, LearntPace, WrappedModel, FailingModel, MoodyModel)
]
