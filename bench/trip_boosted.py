"""Tune the boosted trees, and measure them: ``python -m bench.trip_boosted <folder of TLC files>``.

What is chosen is chosen on splits by time inside January 2021 and on months of 2023; February 2021 is the test.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import typer
from numpy.typing import NDArray

from core.handlers.evaluation import rmse
from core.handlers.examples import Examples
from core.handlers.tlc import read_trips
from core.handlers.zone_centroids import zone_centroids
from core.managers.downloads import green_trips_file
from core.models.trip_duration.boosted import TIMED, UNTIMED, BoostedTrips
from core.models.trip_duration.features import PICKUP_TIME
from core.models.trip_duration.trees import Growth

SPLIT_DAYS = (15, 23)
MONTHS = (("2023-01", "2023-02"), ("2023-02", "2023-03"))
TESTS = ("2021-02", "2023-01")
CANDIDATES = (
    Growth(leaves=31),
    Growth(leaves=63),
    Growth(leaves=127),
    Growth(leaves=127, leaf_rows=20),
    Growth(leaves=127, features_a_split=1.0),
    Growth(leaves=255),
)


def main(folder: Path) -> None:
    """Print the RMSE, in minutes, without and with the time of pickup."""

    def trips(month: str) -> Examples:
        return read_trips([folder / green_trips_file(month)])

    january = trips("2021-01")
    splits = {f"2021-01 before the {day}th": divided(january, day) for day in SPLIT_DAYS}
    splits |= {f"{first}, on {second}": (trips(first), trips(second)) for first, second in MONTHS}
    typer.echo(f"{'leaves, rows of a leaf, share of features':44}" + "".join(f"{name:>24}" for name in splits))
    for growth in CANDIDATES:
        show(growth, splits)
    for test in TESTS:
        figures = measured(january, trips(test), untimed=UNTIMED, timed=TIMED)
        typer.echo(f"chosen, 2021-01, on {test}: {told(figures)}")


def divided(trips: Examples, day: int) -> tuple[Examples, Examples]:
    """Divide January 2021 in two by the time of pickup."""
    early = trips.columns[PICKUP_TIME] < np.datetime64(f"2021-01-{day:02}")
    return part(trips, early), part(trips, ~early)


def part(trips: Examples, rows: NDArray[np.bool_]) -> Examples:
    """Return some of the trips."""
    return Examples(columns={name: values[rows] for name, values in trips.columns.items()}, labels=trips.labels[rows])


def show(growth: Growth, splits: Mapping[str, tuple[Examples, Examples]]) -> None:
    """Print one line."""
    name = f"{growth.leaves}, {growth.leaf_rows}, {growth.features_a_split:g}"
    figures = [measured(train, test, untimed=growth, timed=growth) for train, test in splits.values()]
    typer.echo(f"{name:44}" + "".join(f"{told(each):>24}" for each in figures))


def measured(train: Examples, test: Examples, *, untimed: Growth, timed: Growth) -> tuple[float, float]:
    """Return the errors without and with the time."""
    model = BoostedTrips.fit(train.columns, train.labels, centroids=zone_centroids(), untimed=untimed, timed=timed)
    without = {name: values for name, values in test.columns.items() if name != PICKUP_TIME}
    errors = [rmse(model.transform(columns) - test.labels) for columns in (without, test.columns)]
    return errors[0], errors[1]


def told(figures: tuple[float, float]) -> str:
    """Return both errors as text."""
    return f"{figures[0]:.3f} {figures[1]:.3f}"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
