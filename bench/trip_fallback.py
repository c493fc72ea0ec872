"""Measure the fallback for unseen zone pairs: ``python -m bench.trip_fallback <folder of TLC files>``.

The design was chosen on time splits inside January 2021 and on pairs of later months; February 2021 is the test.
"""

import sys
import tempfile
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import typer
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor

from core.handlers.examples import Examples
from core.handlers.tlc import PICKUP_TIME, read_trips
from core.managers.downloads import green_trips_file
from core.models.trip_duration.fallback import ZoneFallback
from core.models.trip_duration.features import DISTANCE, DROPOFF, PAIR, PICKUP, derive
from core.models.trip_duration.linear import PairRegression, records

Minutes = NDArray[np.float64]
Columns = Mapping[str, NDArray[Any]]
SPLITS = (date(2021, 1, 15), date(2021, 1, 20), date(2021, 1, 24))
MONTHS = (("2023-01", "2023-02"), ("2023-02", "2023-03"), ("2023-12", "2024-01"), ("2021-01", "2021-02"))


def main(folder: Path) -> None:
    """Print the RMSE, in minutes, on trips whose pair the training trips do not have."""
    typer.echo(f"{'trained on':25}{'unseen trips':>13}" + "".join(f"{method.__name__:>11}" for method in METHODS))
    for split in SPLITS:
        with tempfile.TemporaryDirectory() as parts:
            files = divided(folder / green_trips_file("2021-01"), split, Path(parts))
            show(f"2021-01 before the {split.day}th", *(read_trips([file]) for file in files))
    for months in MONTHS:
        show(f"{months[0]}, on {months[1]}", *(read_trips([folder / green_trips_file(month)]) for month in months))


def divided(file: Path, split: date, folder: Path) -> tuple[Path, Path]:
    """Divide a month in two by the time of pickup."""
    frame, early = pl.read_parquet(file), pl.col(PICKUP_TIME) < pl.lit(split).cast(pl.Datetime)
    frame.filter(early).write_parquet(folder / "early.parquet")
    frame.filter(~early).write_parquet(folder / "late.parquet")
    return folder / "early.parquet", folder / "late.parquet"


def show(name: str, train: Examples, test: Examples) -> None:
    """Print one line."""
    known = set(derive(train.columns)[PAIR])
    unseen = np.array([pair not in known for pair in derive(test.columns)[PAIR]])
    columns = {key: column[unseen] for key, column in derive(test.columns).items()}
    errors = (method(derive(train.columns), train.labels, columns) - test.labels[unseen] for method in METHODS)
    typer.echo(f"{name:25}{unseen.sum():13,}" + "".join(f"{np.sqrt(np.mean(error**2)):11.3f}" for error in errors))


def intercept(columns: Columns, minutes: Minutes, unseen: Columns) -> Minutes:
    """Answer as the linear model would without a fallback: the intercept and the distance."""
    model = PairRegression.fit(columns, minutes)
    # A DictVectorizer drops what it does not know, which leaves the distance.
    answers: Minutes = model.regression.predict(model.vectorizer.transform(records(unseen)))
    return answers


def trees(columns: Columns, minutes: Minutes, unseen: Columns) -> Minutes:
    """Answer with untuned trees on zone ids and distance, for comparison."""
    raw, rest = (np.column_stack([part[name] for name in (PICKUP, DROPOFF, DISTANCE)]) for part in (columns, unseen))
    answers: Minutes = HistGradientBoostingRegressor(random_state=0).fit(raw, minutes).predict(rest)
    return answers


def derived(columns: Columns, minutes: Minutes, unseen: Columns) -> Minutes:
    """Answer as under a bare pickle: from the regression's coefficients alone."""
    model = PairRegression.fit(columns, minutes)
    return PairRegression(model.vectorizer, model.regression).transform(unseen)


def fallback(columns: Columns, minutes: Minutes, unseen: Columns) -> Minutes:
    """Answer as the trained fallback does."""
    fitted = ZoneFallback.fit(columns[PICKUP], columns[DROPOFF], columns[DISTANCE], minutes)
    return fitted.transform(unseen[PICKUP], unseen[DROPOFF], unseen[DISTANCE])


METHODS = (intercept, trees, derived, fallback)

if __name__ == "__main__":
    main(Path(sys.argv[1]))
