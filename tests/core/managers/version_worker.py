"""All of a worker that has to do with versions: a cache, its keeper and the heartbeat that tells of both."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.managers.heartbeat_writer import HeartbeatWriter
from core.managers.model_cache import ModelCache
from core.managers.route_board import RouteBoard
from core.managers.version_keeper import VersionKeeper
from core.schemas.catalog import TRIP_DURATION
from core.schemas.heartbeat import Heartbeat
from tests.core.managers.paced_versions import CLASSES
from tests.core.managers.rows import heartbeat
from tests.e2e.processes import Broker, wait_until


@contextmanager
def version_worker(
    name: str, broker: Broker, models_dir: Path, *, pinned: str = "", budget_mib: float = 100.0
) -> Iterator[ModelCache]:
    """Hold versions as the board says, and beat; returns once a first heartbeat is there."""
    models = ModelCache(
        [TRIP_DURATION],
        models_dir=models_dir,
        bare={},
        versions={TRIP_DURATION.model: pinned},
        allowed_classes=CLASSES,
        budget_mib=budget_mib,
    )
    keeper = VersionKeeper(models, RouteBoard(broker.url))

    def compose(beat: int, draining: bool) -> Heartbeat:
        told = {"models": models.held(), "fixed": models.fixed, "failed": keeper.failed()}
        return heartbeat(name, beat, draining=draining).model_copy(update=told)

    writer = HeartbeatWriter(broker.url, compose=compose)
    board = RouteBoard(broker.url)
    keeper.start()
    writer.start()
    try:
        wait_until(lambda: name in {worker.id for worker in board.workers()})
        yield models
    finally:
        writer.stop()
        keeper.stop()
        board.close()
