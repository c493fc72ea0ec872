"""While a worker fetches a version from the storage, however long that takes, its others are loaded and followed."""

import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from core.managers.model_cache import ModelCache
from core.managers.route_board import RouteBoard
from core.managers.version_files import write_route
from core.managers.version_keeper import VersionKeeper
from core.schemas.catalog import TRIP_DURATION
from core.schemas.preparation import Preparation
from core.schemas.route import Route
from core.utilities.errors import ArtifactStoreError
from tests.core.managers.paced_versions import CLASSES, store_paced
from tests.e2e.processes import Broker, wait_until

MODEL = TRIP_DURATION.model
LIFETIME_S = 600.0
WAIT_S = 60.0


class Storage:
    """Holds ``pace-9``, and hands it out once it is told to."""

    def __init__(self, folder: Path, models_dir: Path) -> None:
        self.asked, self.answers = threading.Semaphore(0), threading.Semaphore(0)
        self.away = False
        self._folder, self._models_dir = folder, models_dir
        store_paced(folder, 9)

    def fetch(self, model: str, version: str) -> None:
        self.asked.release()
        assert self.answers.acquire(timeout=WAIT_S)
        if self.away:
            raise ArtifactStoreError("the storage is away")
        shutil.copytree(self._folder / model / version, self._models_dir / model / version)


@pytest.fixture
def models_dir(tmp_path: Path) -> Path:
    """Three versions, the first is the champion."""
    for pace in (1, 2, 3):
        store_paced(tmp_path / "models", pace)
    write_route(tmp_path / "models", MODEL, Route(champion="pace-1"))
    return tmp_path / "models"


@pytest.fixture
def storage(tmp_path: Path, models_dir: Path) -> Iterator[Storage]:
    storage = Storage(tmp_path / "storage", models_dir)
    yield storage
    storage.answers.release(9)


@contextmanager
def fetching(
    broker: Broker, models_dir: Path, storage: Storage
) -> Iterator[tuple[ModelCache, VersionKeeper, RouteBoard]]:
    """A worker that was asked for ``pace-9`` by ``first`` and waits for the storage."""
    models = ModelCache([TRIP_DURATION], models_dir=models_dir, bare={}, allowed_classes=CLASSES, fetch=storage.fetch)
    board = RouteBoard(broker.url)
    keeper = VersionKeeper(models, RouteBoard(broker.url))
    keeper.start()
    try:
        board.prepare(MODEL, Preparation(nonce="first", versions=("pace-9",)), lifetime_s=LIFETIME_S)
        assert storage.asked.acquire(timeout=WAIT_S)
        yield models, keeper, board
    finally:
        keeper.stop()
        board.close()


def test_routes_are_followed_meanwhile(broker: Broker, models_dir: Path, storage: Storage) -> None:
    with fetching(broker, models_dir, storage) as (models, _, board):
        board.publish(MODEL, Route(champion="pace-2", revision=1))
        wait_until(lambda: models.held()[MODEL][0] == "pace-2")
        storage.answers.release()
        wait_until(lambda: models.holds(MODEL, "pace-9"))


def test_a_request_for_a_version_that_lies_here_waits_for_no_network(
    broker: Broker, models_dir: Path, storage: Storage
) -> None:
    with fetching(broker, models_dir, storage) as (_, keeper, _), ThreadPoolExecutor(1) as pool:
        asked = pool.submit(keeper.load, MODEL, "pace-3")
        try:
            assert asked.result(timeout=WAIT_S / 2).version == "pace-3"
        finally:
            storage.answers.release()


def test_what_cannot_be_fetched_is_told_to_whoever_asks_for_it_by_then(
    broker: Broker, models_dir: Path, storage: Storage
) -> None:
    storage.away = True
    with fetching(broker, models_dir, storage) as (models, keeper, board):
        first = Preparation(nonce="first", versions=("pace-9",))
        board.withdraw(MODEL, first)
        board.prepare(MODEL, Preparation(nonce="second", versions=("pace-9",)), lifetime_s=LIFETIME_S)
        board.publish(MODEL, Route(champion="pace-2", revision=1))
        # The board is read after what is asked for, so who follows this route has seen the second question.
        wait_until(lambda: models.held()[MODEL][0] == "pace-2")
        storage.answers.release()
        wait_until(keeper.failed)
        (failure,) = keeper.failed()[MODEL]
        assert (failure.version, failure.reason, failure.nonce) == ("pace-9", "the storage is away", "second")
        assert not storage.asked.acquire(blocking=False)

        storage.away = False
        board.prepare(MODEL, Preparation(nonce="third", versions=("pace-9",)), lifetime_s=LIFETIME_S)
        assert storage.asked.acquire(timeout=WAIT_S)
        storage.answers.release()
        wait_until(lambda: not keeper.failed())
