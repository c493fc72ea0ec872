"""Step ``ingest``: the raw file of each month."""

from core.managers.raw_files import RawFiles
from core.schemas.snapshot import Snapshot


def snapshots(raw_files: RawFiles, taxis: list[str], train_months: list[str], test_months: list[str]) -> list[Snapshot]:
    """Take in the files of the months, in the order of time and then of the taxis."""
    months = sorted({*train_months, *test_months})
    return [raw_files.obtain(taxi, month) for month in months for taxi in taxis]
