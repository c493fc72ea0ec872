"""What the settings say about models, made into a predictor and what keeps its versions in step with the routes."""

import time
from collections.abc import Callable

from loguru import logger

from config import Settings
from core.managers.accelerator import Accelerator
from core.managers.artifact_store import ArtifactStore
from core.managers.model_cache import ModelCache
from core.managers.plain_redis import redis_errors
from core.managers.predictor import BatchPredictor, Run
from core.managers.route_board import RouteBoard
from core.managers.version_files import find_route, version_folder
from core.managers.version_keeper import Aside, VersionKeeper, at_once
from core.schemas.catalog import CATALOG, TRIP_DURATION
from core.schemas.route import Route
from core.utilities.errors import ArtifactError, ArtifactStoreError, UnknownVersionError


def create_predictor(
    settings: Settings,
    *,
    worker: str,
    run: Run,
    aside: Aside = at_once,
    apart: Aside = at_once,
    accelerator: Accelerator | None = None,
) -> tuple[BatchPredictor, VersionKeeper]:
    """Load the models; return what predicts with them, and the keeper, not started yet.

    Raises
    ------
    ArtifactError
        If a model cannot be loaded.
    """
    started = time.perf_counter()
    _require_pinned(settings)
    board = RouteBoard(settings.result_backend_url)
    models = ModelCache(
        CATALOG,
        models_dir=settings.models_dir,
        bare={TRIP_DURATION.model: settings.trip_duration_model} if settings.trip_duration_model else {},
        versions={entry.model: settings.version_of(entry.model) for entry in CATALOG},
        routes=_known_routes(board, settings),
        allowed_classes=settings.model_allowed_classes,
        budget_mib=settings.model_memory_mib,
        fetch=_fetcher(settings),
        accelerator=accelerator,
    )
    logger.info("models loaded in {:.2f} s: {}", time.perf_counter() - started, models.held())
    keeper = VersionKeeper(models, board, aside=aside, apart=apart)
    return BatchPredictor(models, worker=worker, run=run, load=keeper.load), keeper


def _require_pinned(settings: Settings) -> None:
    """Name the setting where it pins a version that is nowhere; one that is there is checked when it is loaded."""
    for model, version in settings.pinned_versions.items():
        replaced = model == TRIP_DURATION.model and settings.trip_duration_model is not None
        if replaced or settings.artifact_store or version_folder(settings.models_dir, model, version).is_dir():
            continue
        raise ArtifactError(f"MODEL_VERSION: there is no version {version} of {model} in MODELS_DIR")


def _fetcher(settings: Settings) -> Callable[[str, str], object] | None:
    """Return what brings a version from the storage to ``MODELS_DIR``; None where there is no storage."""
    if not settings.artifact_store:
        return None

    def fetch(model: str, version: str) -> None:
        # A storage each time: a connection must not outlive the thread, whose hub its socket belongs to.
        store = ArtifactStore(settings.artifact_store, endpoint_url=settings.s3_endpoint_url)
        started = time.perf_counter()
        try:
            store.fetch(model, version, settings.models_dir)
        except UnknownVersionError as error:
            raise ArtifactStoreError(str(error)) from error
        except (OSError, ValueError) as error:  # such as a full disk, or an address that is none
            raise ArtifactStoreError(f"{model}/{version} cannot be fetched ({type(error).__name__})") from error
        logger.info("version {} of {} fetched in {:.2f} s", version, model, time.perf_counter() - started)

    return fetch


def _known_routes(board: RouteBoard, settings: Settings) -> dict[str, Route]:
    """Return the routes of the board; ours go there, where a change of the file is newer."""
    try:
        for model, route in _stored_routes(settings).items():
            board.publish(model, route)
        return board.read()
    except redis_errors() as error:
        logger.warning("the route board cannot be read, the files decide: {}", type(error).__name__)
    return {}


def _stored_routes(settings: Settings) -> dict[str, Route]:
    """Return the routes of the files that were changed once."""
    routes = {}
    for entry in CATALOG:
        try:
            route = find_route(settings.models_dir, entry.model)
        except ArtifactError as error:
            logger.warning("a route's file is left aside: {}", error)
            continue
        if route is not None and route.revision:
            routes[entry.model] = route
    return routes
