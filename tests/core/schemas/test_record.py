from typing import Any

import orjson
import pytest

from core.schemas.record import Record, RecordEntry
from core.utilities.errors import WireError
from tests.core.managers.record_rows import VALUES, new_entry, new_record


def spoilt(**changes: Any) -> bytes:
    """An entry of one row whose columns are one value each, with something else in it."""
    columns = {name: values[0] for name, values in orjson.loads(new_entry("a").encode())["columns"].items()}
    return orjson.dumps({"record": 1, "model": "m", "rows": 1, "columns": columns, "features": {}} | changes)


def test_an_entry_is_read_as_it_was_written() -> None:
    written = new_entry("a", "b", prediction=0.1 + 0.2, total_ms=None)
    read = RecordEntry.decode(written.encode())
    assert [[*read.column(name)] for name in Record._fields] == [[*written.column(name)] for name in Record._fields]
    assert {name: [*values] for name, values in read.features.items()} == {
        "PULocationID": [130, 130],
        "DOLocationID": [205, 205],
        "trip_distance": [3.0, 3.0],
    }


def test_a_value_that_all_rows_share_stands_for_each() -> None:
    entry = new_entry("a", "b")
    shared = RecordEntry(
        model=entry.model, rows=2, columns={**entry.columns, "version": "v9", "error": None}, features=entry.features
    )
    read = RecordEntry.decode(shared.encode())
    assert (read.column("version"), read.column("error")) == (["v9", "v9"], [None, None])


def test_a_feature_that_some_rows_have_is_kept() -> None:
    timed = (*VALUES[:3], "2021-01-05T08:30:00")
    names = ("PULocationID", "DOLocationID", "trip_distance", "pickup_datetime")
    entry = RecordEntry.of_rows("trip_duration", [new_record("a"), new_record("b")], [VALUES, timed], features=names)
    assert RecordEntry.decode(entry.encode()).features["pickup_datetime"] == [None, "2021-01-05T08:30:00"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b'{"record": 2, "model": "m", "rows": 0, "columns": {}, "features": {}}',
        b'{"record": 1, "model": "m", "rows": 1, "columns": {}, "features": {}}',
        spoilt(features=[]),
        spoilt(features=None),
        spoilt(features={"trip_distance": 3.0}),
        spoilt(columns=[]),
        spoilt(rows=10**15, features={}),
    ],
)
def test_what_is_no_entry_is_refused(content: bytes) -> None:
    with pytest.raises(WireError):
        RecordEntry.decode(content)


def test_ragged_columns_are_refused() -> None:
    message = orjson.loads(new_entry("a", "b").encode())
    message["features"]["trip_distance"].pop()
    with pytest.raises(WireError, match="ragged"):
        RecordEntry.decode(orjson.dumps(message))
