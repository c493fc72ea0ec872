"""Records in files, as the recorder writes them."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.handlers.record_tables import records_of
from core.managers.record_files import RecordFiles
from core.schemas.catalog import TRIP_DURATION
from core.schemas.record import Record, RecordEntry
from tests.core.managers.record_rows import VALUES


def store_records(folder: Path, *records: Record, values: Sequence[Sequence[Any]] = ()) -> None:
    """Store records of trips in a file of their own; ``values`` are the features of each."""
    entry = RecordEntry.of_rows(
        TRIP_DURATION.model, records, values or [VALUES] * len(records), features=TRIP_DURATION.features
    )
    files = RecordFiles(folder, keep_days=0, today=lambda: datetime.now(UTC).date())
    first = int(min(record.time for record in records) * 1000)
    name = f"{first}-{time.monotonic_ns()}-{first}-{time.monotonic_ns()}"
    files.store(TRIP_DURATION.model, records_of([entry], entry=TRIP_DURATION), name=name)
