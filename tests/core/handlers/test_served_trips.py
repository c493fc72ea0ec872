from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from core.handlers.record_tables import records_of
from core.handlers.served_trips import read_labels, served_months
from core.handlers.tlc import DROPOFF_TIME, PICKUP_TIME
from core.schemas.catalog import TRIP_DURATION
from core.schemas.record import Record, RecordEntry
from core.utilities.errors import DataError
from tests.core.managers.record_rows import new_record

ASKED = datetime(2026, 7, 1, 3, 30, 15, 700_000, tzinfo=UTC)
"""Half past eleven in the evening before, in New York."""


def rows(*records: tuple[Record, str | None]) -> pl.DataFrame:
    values = [(number, 205, 3.0 + number, pickup) for number, (_, pickup) in enumerate(records, start=1)]
    entry = RecordEntry.of_rows(
        TRIP_DURATION.model, [record for record, _ in records], values, features=TRIP_DURATION.features
    )
    return records_of([entry], entry=TRIP_DURATION)


def labels(**minutes: float) -> pl.DataFrame:
    return pl.DataFrame(
        {"request_id": [*minutes], "row": [0] * len(minutes), "minutes": [*minutes.values()]},
        schema_overrides={"row": pl.Int32},
    )


def test_trips_with_a_label_become_raw_trips_of_their_month() -> None:
    found = served_months(
        rows(
            (new_record("a"), "2026-02-28T23:50:00"),
            (new_record("b"), "2026-03-01T00:10:00"),
            (new_record("unknown"), "2026-03-01T00:20:00"),
        ),
        labels(a=30.5, b=7.0, other=1.0),
        request_time=False,
    )
    assert list(found) == ["2026-02", "2026-03"]
    (trip,) = found["2026-02"].to_dicts()
    assert trip == {
        PICKUP_TIME: datetime(2026, 2, 28, 23, 50),  # noqa: DTZ001 (taxis write local time)
        DROPOFF_TIME: datetime(2026, 3, 1, 0, 20, 30),  # noqa: DTZ001
        "PULocationID": 1,
        "DOLocationID": 205,
        "trip_distance": 4.0,
    }


def test_a_trip_without_a_time_is_left_out_or_began_when_it_was_predicted() -> None:
    recorded = rows((new_record("a", time=ASKED.timestamp()), None))
    assert served_months(recorded, labels(a=10.0), request_time=False) == {}
    (trips,) = served_months(recorded, labels(a=10.0), request_time=True).values()
    assert trips[PICKUP_TIME].to_list() == [datetime(2026, 6, 30, 23, 30, 15)]  # noqa: DTZ001


def test_of_a_request_that_was_repeated_the_last_row_counts() -> None:
    recorded = rows((new_record("a"), "2026-03-01T00:10:00"), (new_record("a"), "2026-03-02T00:10:00"))
    (trips,) = served_months(recorded, labels(a=10.0), request_time=False).values()
    assert trips["PULocationID"].to_list() == [2]


def test_rows_of_a_batch_have_their_own_labels(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("request_id,row,took\n7,1,12.5\n7,0,\n")
    known = read_labels(path, label="took")
    recorded = rows(*((new_record("7", row=row), "2026-03-01T00:10:00") for row in (0, 1)))
    (trips,) = served_months(recorded, known, request_time=False).values()
    assert trips["PULocationID"].to_list() == [2]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("request_id,minutes\na,1\n", "needs"),
        ("name,duration_min\na,1\n", "needs"),
        ("request_id,duration_min\na,1\na,2\n", "two labels"),
        ("request_id,duration_min\na,long\n", "no readable file"),
        ("", "no readable file"),
    ],
)
def test_a_file_that_holds_no_labels_is_told(tmp_path: Path, content: str, complaint: str) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(content)
    with pytest.raises(DataError, match=complaint):
        read_labels(path, label="duration_min")
