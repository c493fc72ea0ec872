from pathlib import Path

import pytest

from core.handlers.base import TrainedModel
from core.handlers.tlc import filters, read_trips
from core.handlers.trip_duration import TripDurationHandler
from core.managers import (
    comparison_board,
    heartbeat_writer,
    kombu_publisher,
    plain_redis,
    redis_clients,
    redis_publisher,
    replies,
    route_board,
    route_table,
)
from core.managers.redis_clients import create_async_client
from core.managers.versions import store_version
from core.schemas.catalog import TRIP_DURATION
from core.utilities.hashing import sha256_of_file
from tests.core.handlers.tlc_files import month_of_trips
from tests.e2e.processes import Broker, free_port

PATIENCE_S = 30.0
LIMITS = {
    comparison_board: ("SLACK_S",),
    heartbeat_writer: ("TIMEOUT_S",),
    kombu_publisher: ("TIMEOUT_S",),
    plain_redis: ("TIMEOUT_S",),
    redis_clients: ("TIMEOUT_S",),
    redis_publisher: ("TIMEOUT_S",),
    replies: ("SILENCE_LIMIT_S", "SUBSCRIBE_TIMEOUT_S"),
    route_board: ("TIMEOUT_S",),
    route_table: ("SILENCE_S", "TIMEOUT_S"),
}
"""After which whoever asks Redis takes it for one that is away."""


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> TrainedModel:
    """A model of our own, fitted to made-up trips."""
    file = month_of_trips(tmp_path_factory.mktemp("data") / "train.parquet")
    trips = read_trips([file])
    return TripDurationHandler().train(
        trips,
        trips,
        label="2021-01",
        training_data={file.name: sha256_of_file(file)},
        parameters={"filters": filters()},
    )


@pytest.fixture
def version(trained: TrainedModel, tmp_path: Path) -> Path:
    """The folder of a stored version, free to be damaged."""
    return store_version(tmp_path / "models", trained, entry=TRIP_DURATION)


@pytest.fixture
def broker(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> Broker:
    """The broker that no test kills or stops: that the machine stands still for a second does not make it one that is away."""
    for module, names in LIMITS.items():
        for name in names:
            monkeypatch.setattr(module, name, PATIENCE_S)
    defaults = create_async_client.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "read_timeout_s", PATIENCE_S)
    return broker


@pytest.fixture
def own_broker(tmp_path: Path) -> Broker:
    """A broker for one test alone, which starts and kills it; how soon that is noticed is as in the product."""
    return Broker(port=free_port(), folder=tmp_path)
