import pytest
from pydantic import ValidationError

from core.schemas.heartbeat import Heartbeat

BEAT = Heartbeat(
    id="w",
    host="h",
    pid=1,
    queues=["tasks.trip"],
    models={"trip_duration": ["v"]},
    device="cpu",
    rows_per_s=2.5,
    rows_in_hand=0,
    tasks_in_hand=[],
    beat=1,
    draining=False,
    time=1_700_000_000.0,
)


def test_a_heartbeat_is_read_as_it_was_written() -> None:
    assert Heartbeat.model_validate_json(BEAT.model_dump_json()) == BEAT


def test_what_a_newer_worker_adds_is_ignored() -> None:
    newer = BEAT.model_dump() | {"temperature": 36.6}

    assert Heartbeat.model_validate(newer) == BEAT


def test_a_part_of_a_heartbeat_is_none() -> None:
    with pytest.raises(ValidationError):
        Heartbeat.model_validate({"id": "w"})
