"""A model such as a team brings along, which does harm on request."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

RAISES, ANSWERS_NAN, IS_SLOW = 13, 14, 15
"""Pickup zones that make the model fail, answer NaN, or compute for ``trip_distance`` seconds."""
CLASS = "tests.e2e.team_models.TeamModel"
GATED_CLASS = "tests.e2e.team_models.GatedModel"
SLOW_CLASS = "tests.e2e.team_models.SlowModel"


class TeamModel:
    """Answers ten minutes and the distance; some pickup zones do harm."""

    def transform(self, columns: Mapping[str, Any]) -> NDArray[np.float64]:
        """Predict the rows, (n_rows,) float64."""
        zones, miles = columns["PULocationID"], columns["trip_distance"]
        return np.array([_predict(int(zone), float(distance)) for zone, distance in zip(zones, miles, strict=True)])


class SlowModel:
    """One minute a mile, as ``pace-1``, and takes its time for each batch."""

    def __init__(self, batch_s: float) -> None:
        self.batch_s = batch_s

    def transform(self, columns: Mapping[str, Any]) -> Any:
        """Predict the rows, (n_rows,) float64."""
        time.sleep(self.batch_s)
        return columns["trip_distance"] * 1.0


class GatedModel:
    """So many minutes a mile; loading it waits while there is a file ``gate``, and says so in ``<gate>.waits``."""

    def __init__(self, pace: float, gate: str) -> None:
        self.pace = pace
        self.gate = gate

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        gate = Path(self.gate)
        if gate.exists():
            gate.with_suffix(".waits").touch()
        while gate.exists():
            time.sleep(0.01)

    def transform(self, columns: Mapping[str, Any]) -> Any:
        """Predict the rows, (n_rows,) float64."""
        return columns["trip_distance"] * self.pace


def _predict(zone: int, miles: float) -> float:
    if zone == RAISES:
        raise RuntimeError("/secret/path: swordfish")
    if zone == ANSWERS_NAN:
        return float("nan")
    if zone == IS_SLOW:
        _compute_for(miles)
    return 10.0 + miles


def _compute_for(seconds: float) -> None:
    """Keep a core busy in Python code, the worst case: it holds the interpreter's lock."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sum(range(10_000))
