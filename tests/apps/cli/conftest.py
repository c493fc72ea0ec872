"""An installation for the commands on versions and routes: a database, a board, versions that tell themselves apart."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from apps.cli.__main__ import app
from core.managers.version_files import write_route
from core.schemas.catalog import TRIP_DURATION
from core.schemas.route import Route
from tests.core.managers.paced_versions import CLASSES, store_paced
from tests.e2e.processes import Broker

Models = Callable[..., Result]


@pytest.fixture
def models_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broker: Broker) -> Path:
    """Three versions, the first is the champion; no worker runs."""
    monkeypatch.setenv("MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("CELERY_RESULT_BACKEND", broker.url)
    monkeypatch.setenv("MODEL_ALLOWED_CLASSES", ",".join(CLASSES))
    for pace in (1, 2, 3):
        store_paced(tmp_path / "models", pace)
    write_route(tmp_path / "models", TRIP_DURATION.model, Route(champion="pace-1"))
    return tmp_path / "models"


@pytest.fixture
def models(models_dir: Path) -> Models:
    """Return what gives a command on models."""

    def call(*arguments: object, columns: int = 300) -> Result:
        return CliRunner().invoke(app, ["models", *map(str, arguments)], env={"COLUMNS": str(columns)})

    return call
