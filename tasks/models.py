"""What the settings say about models, made into a predictor."""

import time

from loguru import logger

from config import Settings
from core.managers.model_cache import ModelCache
from core.managers.predictor import BatchPredictor, Run
from core.schemas.catalog import CATALOG, TRIP_DURATION


def create_predictor(settings: Settings, *, worker: str, run: Run) -> BatchPredictor:
    """Load the models and return what predicts with them.

    Raises
    ------
    ArtifactError
        If a model cannot be loaded.
    """
    started = time.perf_counter()
    models = ModelCache(
        CATALOG,
        models_dir=settings.models_dir,
        bare={TRIP_DURATION.model: settings.trip_duration_model} if settings.trip_duration_model else {},
        versions={entry.model: settings.version_of(entry.model) for entry in CATALOG},
        allowed_classes=settings.model_allowed_classes,
    )
    logger.info("models loaded in {:.2f} s: {}", time.perf_counter() - started, models.held())
    return BatchPredictor(models, worker=worker, run=run)
