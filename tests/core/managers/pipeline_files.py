"""Small months, and an observer that remembers, for tests of the pipeline."""

from datetime import datetime, timedelta
from pathlib import Path

import polars as pl

from core.managers.workplace import Workplace
from core.schemas.run import RunParameters

STEPS = ("ingest", "extract", "check", "prepare", "combine", "split", "train", "evaluate", "register")


def month_file(folder: Path, month: str, *, pace: float = 2.0, rows: int = 900) -> Path:
    """Write a month of trips between zones 1..15 whose minutes follow the distance at ``pace`` minutes a mile.

    Three of four are paid by card, with a tip that follows the pickup zone: ``0.09 + 0.01 * zone`` of the fare.
    """
    start = datetime.fromisoformat(f"{month}-01")
    starts = [start + timedelta(days=26) * number / rows for number in range(rows)]
    miles = [1.0 + number % 9 for number in range(rows)]
    minutes = [3.0 + pace * mile + 0.2 * (number % 15) for number, mile in enumerate(miles)]
    frame = pl.DataFrame(
        {
            "lpep_pickup_datetime": starts,
            "lpep_dropoff_datetime": [at + timedelta(minutes=took) for at, took in zip(starts, minutes, strict=True)],
            "PULocationID": [1 + number % 15 for number in range(rows)],
            "DOLocationID": [1 + (number * 7) % 13 for number in range(rows)],
            "trip_distance": miles,
            "payment_type": [1.0 + (number % 4 == 3) for number in range(rows)],
            "fare_amount": [3.0 + 2.5 * mile for mile in miles],
            "tip_amount": [(3.0 + 2.5 * mile) * (0.1 + 0.01 * (number % 15)) for number, mile in enumerate(miles)],
        }
    )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"green_tripdata_{month}.parquet"
    frame.write_parquet(path)
    return path


def workplace(folder: Path) -> Workplace:
    """Return a workplace of its own."""
    return Workplace(data_dir=folder / "repo" / "data", models_dir=folder / "repo" / "models", url="http://127.0.0.1:9")


def parameters(data: Path, **changes: object) -> RunParameters:
    """Return parameters that train on 2021-01 and test on 2021-02; the trip model by its cheaper design."""
    design = {} if "model" in changes else {"design": "linear"}
    return RunParameters.model_validate(
        {"train_months": ("2021-01",), "test_months": ("2021-02",), "data": (data,), **design, **changes}
    )


class Diary:
    """An observer that remembers, and can raise as a step begins."""

    def __init__(self, *, fail_at: str = "", error: Exception | None = None) -> None:
        self.begun: list[str] = []
        self.computed: list[str] = []
        self.hashes: dict[str, tuple[str, str]] = {}
        self._keys: dict[str, str] = {}
        self._fail_at = fail_at
        self._error = error or RuntimeError("as asked")

    def started(self, step: str, input_sha256: str) -> None:
        if step == self._fail_at:
            raise self._error
        self.begun.append(step)
        self._keys[step] = input_sha256

    def finished(self, step: str, output_sha256: str, *, reused: bool, seconds: float) -> None:
        if not reused:
            self.computed.append(step)
        self.hashes[step] = (self._keys[step], output_sha256)
        assert seconds >= 0
