"""Versions that tell themselves apart by value: ``pace-3`` predicts three minutes a mile."""

from pathlib import Path

from core.handlers.base import TrainedModel
from core.managers.versions import store_version
from core.schemas.catalog import TRIP_DURATION
from core.schemas.manifest import GoldenRows
from tests.core.managers.team_models import PaceModel

CLASSES = ("tests.core.managers.team_models.PaceModel",)
_MILES = 3.0


def store_paced(models_dir: Path, pace: int) -> str:
    """Store the version ``pace-<pace>`` and return its id."""
    columns = {"PULocationID": [1], "DOLocationID": [2], "trip_distance": [_MILES]}
    trained = TrainedModel(
        predictor=PaceModel(pace),
        label="pace",
        training_data={},
        parameters={"pace": pace},
        metrics={},
        golden_rows=GoldenRows(columns=columns, predictions=[pace * _MILES]),
    )
    folder = store_version(
        models_dir, trained, entry=TRIP_DURATION, version=f"pace-{pace}", allowed_classes=list(CLASSES)
    )
    return folder.name
