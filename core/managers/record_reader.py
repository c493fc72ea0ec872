"""Finds recorded predictions in their files again."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from core.handlers.record_tables import FEATURES
from core.schemas.record import DATE
from core.utilities.errors import DataError

MODEL = "model"
_FIRST_ID = re.compile(r"(\d+)-(\d+)-\d+-\d+\.parquet")
_LATER_FIELDS = pl.ScanCastOptions(missing_struct_fields="insert", extra_struct_fields="ignore")
"""A model may have got a feature since."""


class RecordReader:
    """The records of a folder, as :class:`core.managers.record_files.RecordFiles` writes it.

    A table has a row for each prediction, in the order of time, with the columns that
    :func:`core.handlers.record_tables.records_of` names, and ``model``. Every method raises DataError if a file cannot
    be read.

    Parameters
    ----------
    folder : Path
        Of all models.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def of_request(self, request_id: str) -> list[pl.DataFrame]:
        """Return what was answered under a request id, a table for each model that did."""
        models = sorted(path.name.partition("=")[2] for path in self._folder.glob(f"{MODEL}=*"))
        found = [self._read(self._files(model), model, pl.col("request_id") == request_id) for model in models]
        return [records for records in found if not records.is_empty()]

    def last(self, model: str, rows: int) -> pl.DataFrame:
        """Return the newest rows of a model."""
        files: list[Path] = []
        counted = 0
        for path in sorted(self._files(model), key=_age_of, reverse=True):
            if counted >= rows:
                break
            files.append(path)
            counted += self._count(path)
        return self._read(files, model).tail(rows)

    def between(self, model: str, start: datetime, end: datetime) -> pl.DataFrame:
        """Return the rows of a model from a moment on until before another, both with a time zone."""
        days = (f"{DATE}={start.astimezone(UTC):%Y-%m-%d}", f"{DATE}={end.astimezone(UTC):%Y-%m-%d}")
        files = [path for path in self._files(model) if days[0] <= path.parent.name <= days[1]]
        return self._read(files, model, pl.col("time").is_between(start, end, closed="left"))

    def _files(self, model: str) -> list[Path]:
        return sorted(self._folder.glob(f"{MODEL}={model}/{DATE}=*/*.parquet"))

    def _count(self, path: Path) -> int:
        return self._collect(pl.scan_parquet(path).select(pl.len())).item()  # type: ignore[no-any-return]

    def _read(self, files: Iterable[Path], model: str, *wanted: pl.Expr) -> pl.DataFrame:
        files = sorted(files, key=_age_of)
        if not files:
            return pl.DataFrame()
        # The newest file has all features.
        scan = pl.scan_parquet(
            files[::-1], hive_partitioning=False, cast_options=_LATER_FIELDS, missing_columns="insert"
        )
        rows = self._collect(scan.filter(*wanted) if wanted else scan)
        return rows.sort("time", maintain_order=True).with_columns(pl.lit(model).alias(MODEL))

    @staticmethod
    def _collect(scan: pl.LazyFrame) -> pl.DataFrame:
        try:
            return scan.collect()
        except (pl.exceptions.PolarsError, OSError) as error:
            raise DataError(f"the records cannot be read ({type(error).__name__})") from error


def features_of(records: pl.DataFrame) -> dict[str, list[object]]:
    """Return the features of records as they came off the wire, by name; without those that no row has."""
    features = records[FEATURES].struct.unnest()
    return {name: features[name].to_list() for name in features.columns if features[name].null_count() < len(features)}


def _age_of(path: Path) -> tuple[str, int, int]:
    """Return what sorts files by the time of their first entry."""
    parts = _FIRST_ID.fullmatch(path.name)
    return path.parent.name, *((int(parts[1]), int(parts[2])) if parts else (0, 0))
