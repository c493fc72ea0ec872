"""What a web process puts into the stream of records: whatever a version answered, or failed on."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import redis

from core.managers.records import FIELD, STREAM
from core.schemas.catalog import TRIP_DURATION
from core.schemas.record import RecordEntry
from tests.e2e.pickles import write_team_model
from tests.e2e.processes import ANSWER_TIMEOUT_S, Stack, create_stack, wait_until
from tests.e2e.team_models import CLASS, IS_SLOW, RAISES

pytestmark = pytest.mark.e2e

ROW = {"PULocationID": 1, "DOLocationID": 2, "trip_distance": 3.0}


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A team's model, of which everything is recorded; no recorder empties the stream."""
    stack = create_stack(tmp_path_factory.mktemp("recording"))
    model = {"TRIP_DURATION_MODEL": str(write_team_model(stack.folder)), "MODEL_ALLOWED_CLASSES": CLASS}
    with stack.running(worker=model, RECORD_SHARE="1"):
        yield stack


def records_of(stack: Stack, request_id: str) -> list[dict[str, Any]]:
    """Return the records of a request once they are in the stream, each with its features."""

    def found() -> list[dict[str, Any]]:
        with redis.Redis.from_url(stack.broker.url) as client:
            entries: Any = client.xrange(STREAM)
        return [
            row
            for entry in (RecordEntry.decode(fields[FIELD]) for _, fields in entries)
            for row in rows_of(entry)
            if row["request_id"] == request_id
        ]

    return wait_until(found, what=f"{request_id} is recorded")


def rows_of(entry: RecordEntry) -> list[dict[str, Any]]:
    columns = {name: entry.column(name) for name in entry.columns} | dict(entry.features)
    return [{name: values[row] for name, values in columns.items()} for row in range(entry.rows)]


def post(stack: Stack, path: str, body: dict[str, Any], **headers: str) -> httpx.Response:
    return httpx.post(f"{stack.url}/v1/{path}", json=body, headers=headers, timeout=ANSWER_TIMEOUT_S)


def test_a_raw_row_is_recorded_as_the_row_that_it_is(recording: Stack) -> None:
    raw = {"request_id": "raw", "PULocationID": 1, "DOLocationID": None, "trip_distance": 3.0}
    answer = post(recording, "online/serve", raw).json()
    (record,) = records_of(recording, "raw")
    assert record["transaction_id"] == answer["transaction_id"]
    assert (record["prediction"], record["version"]) == (answer["duration"], answer["model_version"])
    assert (record["DOLocationID"], record["trip_distance"]) == (264, 3.0)


@pytest.mark.parametrize("path", ["trip/predict", "online/serve"])
def test_a_row_that_a_version_failed_on_is_recorded_under_its_name_and_the_id_of_the_log(
    recording: Stack, path: str
) -> None:
    version = post(recording, "trip/predict", {"request_id": "good", **ROW}).json()["model_version"]
    assert post(recording, path, {"request_id": path, **ROW, "PULocationID": RAISES}).status_code == 500
    (record,) = records_of(recording, path)
    logged = recording.find_line("apps/api", request_id=path, message="PredictionError: model_error")
    assert record["transaction_id"] == logged["transaction_id"]
    assert (record["version"], record["prediction"], record["error"]) == (version, None, "model_error")


def test_a_batch_that_came_too_late_as_a_whole_is_recorded(recording: Stack) -> None:
    slow = ROW | {"PULocationID": IS_SLOW, "trip_distance": 2.0}
    body = {"request_id": "late", TRIP_DURATION.collection: [slow, slow]}
    assert post(recording, "trip/predict/batch", body, **{"X-Request-Timeout": "0.3"}).status_code == 504
    assert [(record["row"], record["error"]) for record in records_of(recording, "late")] == [
        (0, "deadline_passed"),
        (1, "deadline_passed"),
    ]
