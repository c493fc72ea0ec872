from pathlib import Path

import pytest

from core.handlers.base import TrainedModel
from core.handlers.tlc import filters, read_trips
from core.handlers.trip_duration import TripDurationHandler
from core.managers.versions import store_version
from core.schemas.catalog import TRIP_DURATION
from core.utilities.hashing import sha256_of_file
from tests.core.handlers.tlc_files import month_of_trips
from tests.e2e.processes import Broker, free_port


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
def own_broker(tmp_path: Path) -> Broker:
    """A broker for one test alone, which starts and kills it."""
    return Broker(port=free_port(), folder=tmp_path)
