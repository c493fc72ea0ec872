"""The recorded predictions on disk: ``<folder>/model=<model>/date=<day in UTC>/<first id>-<last id>.parquet``.

A file is written under another name, made durable, and then renamed: whatever has its name is whole, and never
changes. The ids are those of the stream's entries that it was made of, so the same entries make the same file.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from core.schemas.record import DATE

if TYPE_CHECKING:
    import polars as pl

UNFINISHED = ".unfinished"


class RecordFiles:
    """The files of one folder.

    Parameters
    ----------
    folder : Path
        Of all models.
    keep_days : int
        Days that are kept, today not counted; 0: all.
    today : callable
        Returns the day in UTC.
    """

    def __init__(self, folder: Path, *, keep_days: int, today: Callable[[], date]) -> None:
        self.folder = folder
        self._keep_days = keep_days
        self._today = today

    def store(self, model: str, records: "pl.DataFrame", *, name: str) -> int:
        """Store records of one model by day; return how many are new.

        Parameters
        ----------
        model : str
            Of the catalog.
        records : DataFrame
            As :func:`core.handlers.record_tables.records_of` gives them.
        name : str
            Of the files; days that have a file of that name already are left as they are.

        Raises
        ------
        OSError
            If the disk does not take them.
        """
        stored = 0
        for (day,), part in records.partition_by(DATE, as_dict=True, include_key=False).items():
            path = self.folder / f"model={model}" / f"date={day}" / f"{name}.parquet"
            if not path.exists():
                _write(path, part)
                stored += part.height
        return stored

    def tidy(self) -> list[Path]:
        """Remove the days that are too old, and what a killed process left unfinished; return what was removed."""
        removed = [*self.folder.glob(f"model=*/date=*/*{UNFINISHED}")]
        for path in removed:
            path.unlink(missing_ok=True)
        if self._keep_days:
            oldest = self._today() - timedelta(days=self._keep_days)
            for folder in self.folder.glob("model=*/date=*"):
                if _day_of(folder) < oldest:
                    _remove(folder)
                    removed.append(folder)
        return removed


def _write(path: Path, records: "pl.DataFrame") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + UNFINISHED)
    with unfinished.open("wb") as file:
        records.write_parquet(file, compression="zstd", compression_level=1)
        file.flush()
        os.fsync(file.fileno())
    unfinished.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _day_of(folder: Path) -> date:
    """Return the day of a folder; what is called otherwise is nobody's, and never too old."""
    try:
        return date.fromisoformat(folder.name.removeprefix(f"{DATE}="))
    except ValueError:
        return date.max


def _remove(folder: Path) -> None:
    """Remove the records of a day; what somebody else has put beside them stays, and the folder with it."""
    for path in folder.glob("*.parquet"):
        path.unlink(missing_ok=True)
    with suppress(OSError):
        folder.rmdir()
