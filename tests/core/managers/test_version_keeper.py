"""A worker's versions follow the route board, a real one."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from loguru import logger

from core.managers.model_cache import MEBIBYTE, ModelCache
from core.managers.route_board import ROUTES_KEY, RouteBoard
from core.managers.version_files import write_route
from core.managers.version_keeper import VersionKeeper
from core.schemas.catalog import TRIP_DURATION
from core.schemas.preparation import Preparation
from core.schemas.route import Canary, Route
from core.utilities.errors import UnknownVersionError
from tests.core.managers.paced_versions import CLASSES, store_paced
from tests.e2e.processes import Broker, wait_until

MODEL = TRIP_DURATION.model


@pytest.fixture
def models(tmp_path: Path) -> ModelCache:
    """A cache beside three versions, of which it holds the champion."""
    for pace in (1, 2, 3):
        store_paced(tmp_path, pace)
    write_route(tmp_path, MODEL, Route(champion="pace-1"))
    return ModelCache([TRIP_DURATION], models_dir=tmp_path, bare={}, allowed_classes=CLASSES)


@contextmanager
def keeping(models: ModelCache, broker: Broker) -> Iterator[tuple[VersionKeeper, RouteBoard]]:
    board = RouteBoard(broker.url)
    keeper = VersionKeeper(models, RouteBoard(broker.url))
    keeper.start()
    try:
        yield keeper, board
    finally:
        keeper.stop()
        board.close()


def test_a_new_champion_is_loaded_and_answers(models: ModelCache, broker: Broker) -> None:
    with keeping(models, broker) as (_, board):
        board.publish(MODEL, Route(champion="pace-2", revision=1))
        wait_until(lambda: models.held()[MODEL][0] == "pace-2")


def test_one_that_never_began_can_be_stopped(models: ModelCache, broker: Broker) -> None:
    """A worker may be told to end before its broker ever answered."""
    VersionKeeper(models, RouteBoard(broker.url)).stop()


def test_a_board_that_lost_a_route_gets_it_from_who_knows_it(models: ModelCache, broker: Broker) -> None:
    changed = Route(champion="pace-2", revision=1)
    with keeping(models, broker) as (_, board):
        board.publish(MODEL, changed)
        wait_until(lambda: models.held()[MODEL][0] == "pace-2")
        with broker.client() as client:
            client.delete(ROUTES_KEY)
        wait_until(lambda: board.read() == {MODEL: changed})


def test_a_board_that_never_had_a_route_gets_it_from_the_file(broker: Broker, tmp_path: Path) -> None:
    for pace in (1, 2):
        store_paced(tmp_path, pace)
    stored = Route(champion="pace-1", canary=Canary(version="pace-2", share=0.5), revision=3)
    write_route(tmp_path, MODEL, stored)
    models = ModelCache([TRIP_DURATION], models_dir=tmp_path, bare={}, allowed_classes=CLASSES)
    with keeping(models, broker) as (_, board):
        wait_until(lambda: board.read() == {MODEL: stored})


def test_a_board_is_not_told_of_a_route_that_was_never_changed_or_is_older(models: ModelCache, broker: Broker) -> None:
    with keeping(models, broker) as (keeper, board):
        keeper.look()
        assert board.read() == {}
        board.publish(MODEL, Route(champion="pace-2", revision=2))
        wait_until(lambda: models.held()[MODEL][0] == "pace-2")
        keeper.look()
        assert board.read()[MODEL].revision == 2


def test_what_is_to_be_prepared_is_loaded_and_does_not_answer_yet(models: ModelCache, broker: Broker) -> None:
    with keeping(models, broker) as (_, board):
        board.prepare(MODEL, Preparation(nonce="1", versions=("pace-3",)), lifetime_s=60)
        wait_until(lambda: models.holds(MODEL, "pace-3"))
        assert models.held()[MODEL][0] == "pace-1"


def test_what_cannot_be_loaded_is_told_with_its_reason_and_tried_again_when_asked_again(
    models: ModelCache, broker: Broker, tmp_path: Path
) -> None:
    artifact = tmp_path / MODEL / "pace-2" / "model.pickle"
    content = artifact.read_bytes()
    artifact.write_bytes(content + b"tampered")
    with keeping(models, broker) as (keeper, board):
        board.prepare(MODEL, Preparation(nonce="1", versions=("pace-2",)), lifetime_s=60)
        wait_until(keeper.failed)
        [failure] = keeper.failed()[MODEL]
        assert (failure.version, failure.nonce) == ("pace-2", "1")
        assert "SHA-256" in failure.reason

        artifact.write_bytes(content)
        board.prepare(MODEL, Preparation(nonce="2", versions=("pace-2",)), lifetime_s=60)
        wait_until(lambda: models.holds(MODEL, "pace-2"))
        wait_until(lambda: not keeper.failed())


def test_garbage_on_the_board_stops_nobody(models: ModelCache, broker: Broker) -> None:
    with broker.client() as client:
        client.hset(ROUTES_KEY, mapping={MODEL: "{", "other": '{"champion": 3}'})
        client.hset(f"tripcast:prepare:{MODEL}", "1", "no preparation")
    with keeping(models, broker) as (_, board):
        board.publish(MODEL, Route(champion="pace-2", revision=1))
        wait_until(lambda: models.held()[MODEL][0] == "pace-2")


def test_garbage_on_the_board_is_told_once(broker: Broker) -> None:
    lines: list[str] = []
    sink = logger.add(lambda line: lines.append(str(line)), format="{message}")
    with broker.client() as client:
        client.hset(ROUTES_KEY, "a_model_that_went", '{"champion": "v1", "field_of_a_later_release": 1}')
    board = RouteBoard(broker.url)
    for _ in range(3):
        assert board.read() == {}
    board.close()
    logger.remove(sink)
    assert len([line for line in lines if "field_of_a_later_release" in line]) == 1


def test_a_version_that_a_request_asks_for_is_loaded_for_it(models: ModelCache, broker: Broker) -> None:
    with keeping(models, broker) as (keeper, _):
        assert keeper.load(MODEL, "pace-3").version == "pace-3"
        assert models.holds(MODEL, "pace-3")
        for version in ("gone", "../pace-1", ""):
            with pytest.raises(UnknownVersionError):
                keeper.load(MODEL, version)


def test_an_older_route_never_replaces_a_newer_one(broker: Broker) -> None:
    board = RouteBoard(broker.url)
    newer, older = Route(champion="b", revision=2), Route(champion="a", revision=1)
    assert board.publish(MODEL, newer)
    assert not board.publish(MODEL, older)
    assert not board.publish(MODEL, Route(champion="c", revision=2))
    assert board.read() == {MODEL: newer}
    board.close()


def test_a_change_that_ends_while_the_board_is_read_leaves_no_gap(
    models: ModelCache, broker: Broker, tmp_path: Path
) -> None:
    room = 2.5 * models.get(MODEL, "pace-1").size_bytes / MEBIBYTE
    models = ModelCache([TRIP_DURATION], models_dir=tmp_path, bare={}, allowed_classes=CLASSES, budget_mib=room)
    asked = Preparation(nonce="1", versions=("pace-2",))

    class Hurried(RouteBoard):
        """The change is made between two readings, whichever comes first."""

        hurries = False

        def read(self) -> dict[str, Route]:
            routes = super().read()
            self._change()
            return routes

        def preparations(self, models: Iterable[str]) -> dict[str, list[Preparation]]:
            found = super().preparations(models)
            self._change()
            return found

        def _change(self) -> None:
            if self.hurries:
                self.hurries = False
                self.publish(MODEL, Route(champion="pace-1", canary=Canary(version="pace-2", share=0.5), revision=1))
                self.withdraw(MODEL, asked)

    board = Hurried(broker.url)
    keeper = VersionKeeper(models, board)
    board.prepare(MODEL, asked, lifetime_s=60)
    keeper.look()
    board.hurries = True
    keeper.look()
    with pytest.raises(UnknownVersionError):  # there is no room but that of the new canary
        keeper.load(MODEL, "pace-3")
    assert models.holds(MODEL, "pace-2")
    board.close()
