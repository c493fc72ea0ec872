"""The trips that every contender is asked for: the same file for all, thousands of zone pairs, some never trained."""

import functools
import json
from pathlib import Path
from typing import Any, cast

import numpy as np

from bench.cache import cached
from config import ROOT
from core.managers.artifacts import load_version
from core.models.trip_duration.features import DISTANCE, DROPOFF, PAIR, PICKUP, ZONES, pair_names, zones_of
from core.models.trip_duration.linear import PairRegression
from core.schemas.catalog import TRIP_DURATION

KNOWN: dict[str, Any] = {"request_id": "known", PICKUP: 130, DROPOFF: 205, DISTANCE: 3.0}
"""A trip of a pair that the reference was trained on: what each contender is checked with."""
REFERENCE_VERSION = "2021-01-linear-d0dfed2d"
"""The linear reference, which ships beside the champion: as cheap as a model can be."""
REQUESTS = 20_000
UNSEEN_SHARE = 0.085
"""Share of trips whose pair training never saw: February 2021 against January."""
MEAN_MILES = 3.0
LONGEST_MILES = 100.0
ROW_GROUP_ROWS = 128 * 1024


@functools.cache
def reference() -> PairRegression:
    """Return the linear reference: a fitted ``DictVectorizer`` and ``LinearRegression``, and our fallback."""
    folder = ROOT / "repo" / "models" / TRIP_DURATION.model / REFERENCE_VERSION
    return cast(PairRegression, load_version(folder, entry=TRIP_DURATION).predictor)


def generate_columns(rows: int, *, seed: int = 42) -> dict[str, Any]:
    """Draw trips as columns: zone ids (n_rows,) int64 and miles (n_rows,) float64; the same for the same seed."""
    random = np.random.default_rng(seed)
    names = [name.removeprefix(f"{PAIR}=") for name in reference().vectorizer.vocabulary_ if name != DISTANCE]
    pickup, dropoff = zones_of(names)
    drawn = random.integers(len(names), size=rows)
    pickup, dropoff = pickup[drawn], dropoff[drawn]
    unseen = _unseen_pairs(set(names))
    replaced = random.random(rows) < UNSEEN_SHARE
    others = unseen[random.integers(len(unseen), size=rows)]
    pickup, dropoff = np.where(replaced, others[:, 0], pickup), np.where(replaced, others[:, 1], dropoff)
    miles = np.minimum(random.exponential(MEAN_MILES, rows), LONGEST_MILES).round(2)
    return {PICKUP: pickup, DROPOFF: dropoff, DISTANCE: miles}


def generate_trips(rows: int, *, seed: int = 42) -> list[dict[str, Any]]:
    """Draw trips as rows, in plain Python numbers."""
    columns = {name: values.tolist() for name, values in generate_columns(rows, seed=seed).items()}
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def requests_file() -> Path:
    """Return a file with the bodies of single requests, one JSON object a line."""

    def write(path: Path) -> None:
        bodies = [{"request_id": f"r{number}", **trip} for number, trip in enumerate(generate_trips(REQUESTS))]
        path.write_text("".join(json.dumps(body) + "\n" for body in bodies))

    return cached(f"requests-{REQUESTS}.jsonl", write)


def batch_file(rows: int) -> Path:
    """Return a file with one body of the batch endpoint, of ``rows`` trips."""
    body = {"request_id": "batch", "trips": generate_trips(rows)}
    return cached(f"batch-{rows}.json", lambda path: path.write_text(json.dumps(body) + "\n"))


def parquet_file(rows: int) -> Path:
    """Return a Parquet file of ``rows`` trips, for bulk scoring."""

    def write(path: Path) -> None:
        # A worker that serves the benchmark's trees imports this module, and has no use for polars.
        import polars as pl  # noqa: PLC0415

        pl.DataFrame(generate_columns(rows)).write_parquet(path, row_group_size=ROW_GROUP_ROWS)

    return cached(f"trips-{rows}.parquet", write)


def _unseen_pairs(known: set[str]) -> Any:  # noqa: ANN401 (an array)
    """Return the zone pairs that are not among ``known``, (n_pairs, 2) int64."""
    pairs = np.array([(start, end) for start in range(1, ZONES + 1) for end in range(1, ZONES + 1)])
    return pairs[[name not in known for name in pair_names(pairs[:, 0], pairs[:, 1])]]
