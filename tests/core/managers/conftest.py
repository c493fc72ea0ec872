from pathlib import Path

import pytest

from core.handlers.base import TrainedModel
from core.handlers.trip_duration import TripDurationHandler
from core.managers.versions import store_version
from core.schemas.catalog import TRIP_DURATION
from tests.core.handlers.tlc_files import month_of_trips


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> TrainedModel:
    """A model of our own, fitted to made-up trips."""
    files = [month_of_trips(tmp_path_factory.mktemp("data") / "train.parquet")]
    return TripDurationHandler().train(training=files, evaluation=files, label="2021-01")


@pytest.fixture
def version(trained: TrainedModel, tmp_path: Path) -> Path:
    """The folder of a stored version, free to be damaged."""
    return store_version(tmp_path / "models", trained, entry=TRIP_DURATION)
