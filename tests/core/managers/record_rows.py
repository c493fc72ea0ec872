"""Records for the tests of what writes and reads them."""

import time
from typing import Any

from core.schemas.catalog import TRIP_DURATION
from core.schemas.record import Record, RecordEntry

FEATURES = {TRIP_DURATION.model: TRIP_DURATION.features}
VALUES = (130, 205, 3.0, None)


def new_record(request_id: str = "r", **changes: Any) -> Record:
    """A champion's answer of 12 minutes."""
    record = Record(
        request_id=request_id,
        transaction_id=f"t-{request_id}",
        row=0,
        time=time.time(),
        version="v1",
        role="champion",
        prediction=12.0,
        error=None,
        queue_ms=1.0,
        features_ms=2.0,
        predict_ms=3.0,
        total_ms=7.0,
        kept=True,
    )
    return record._replace(**changes)


def new_entry(*request_ids: str, **changes: Any) -> RecordEntry:
    """Champion's answers that travel together."""
    records = [new_record(request_id, **changes) for request_id in request_ids]
    return RecordEntry.of_rows(TRIP_DURATION.model, records, [VALUES] * len(records), features=TRIP_DURATION.features)
