"""What a worker starts with, by settings, files and a real route board."""

from pathlib import Path

from config import Settings
from core.managers.predictor import run_here
from core.managers.route_board import RouteBoard
from core.managers.version_files import write_route
from core.schemas.catalog import TRIP_DURATION
from core.schemas.route import Route
from tasks.models import create_predictor
from tests.core.managers.paced_versions import CLASSES, store_paced
from tests.e2e.processes import Broker

MODEL = TRIP_DURATION.model


def held(broker: Broker, models_dir: Path) -> dict[str, list[str]]:
    """Start as a worker does, and return what answers by model."""
    settings = Settings(
        models_dir=models_dir,
        model_allowed_classes=list(CLASSES),
        celery_broker_url=broker.url,
        celery_result_backend=broker.url,
    )
    predictor, keeper = create_predictor(settings, worker="w", run=run_here)
    keeper.start()
    keeper.stop()
    return predictor.models.held()


def spread(broker: Broker, model: str, route: Route) -> None:
    board = RouteBoard(broker.url)
    board.publish(model, route)
    board.close()


def test_a_file_that_is_no_route_does_not_hide_the_board(broker: Broker, tmp_path: Path) -> None:
    for pace in (1, 2):
        store_paced(tmp_path, pace)
    spread(broker, MODEL, Route(champion="pace-2", revision=2))
    (tmp_path / MODEL / "route.json").write_text("{")
    assert held(broker, tmp_path) == {MODEL: ["pace-2"]}


def test_a_board_that_lacks_the_newest_route_gets_it_from_the_file(broker: Broker, tmp_path: Path) -> None:
    for pace in (1, 2):
        store_paced(tmp_path, pace)
    spread(broker, MODEL, Route(champion="pace-1", revision=1))
    write_route(tmp_path, MODEL, Route(champion="pace-2", revision=2))
    assert held(broker, tmp_path) == {MODEL: ["pace-2"]}
    board = RouteBoard(broker.url)
    assert board.read() == {MODEL: Route(champion="pace-2", revision=2)}
    board.close()
