from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from sqlalchemy import text

from core.managers.rollout import Rollout, opened_rollout
from core.managers.route_board import RouteBoard
from core.managers.version_files import read_route
from core.managers.version_proof import LocalProof
from core.schemas.catalog import TRIP_DURATION
from core.schemas.route import Route
from core.utilities.errors import BoardUnavailableError, DatabaseUnavailableError
from tests.core.managers.paced_versions import CLASSES, store_paced
from tests.e2e.processes import Broker

MODEL = TRIP_DURATION.model
ADA = {"who": "ada", "why": "it is better"}
NOWHERE = "redis://127.0.0.1:1/0"


def opened(folder: Path, url: str, *, alone: bool = False) -> AbstractContextManager[Rollout]:
    for pace in (1, 2):
        if not (folder / "models" / MODEL / f"pace-{pace}").exists():
            store_paced(folder / "models", pace)
    return opened_rollout(
        database_url=f"sqlite:///{folder / 'db.sqlite'}",
        backend_url=url,
        models_dir=folder / "models",
        proof=LocalProof(models_dir=folder / "models", allowed_classes=CLASSES),
        alone=alone,
    )


def test_without_a_redis_a_route_changes_only_alone(tmp_path: Path) -> None:
    with opened(tmp_path, NOWHERE) as rollout, pytest.raises(BoardUnavailableError):
        rollout.desk.deploy(MODEL, "pace-1", **ADA)
    with opened(tmp_path, NOWHERE, alone=True) as rollout:
        rollout.desk.deploy(MODEL, "pace-1", **ADA)
        assert rollout.route(MODEL) == read_route(tmp_path / "models", MODEL) == Route(champion="pace-1", revision=1)


def test_what_changed_alone_is_followed_by_what_changes_later(tmp_path: Path, broker: Broker) -> None:
    with opened(tmp_path, NOWHERE, alone=True) as rollout:
        rollout.desk.deploy(MODEL, "pace-1", **ADA)
    with opened(tmp_path, broker.url, alone=True) as rollout:
        rollout.desk.deploy(MODEL, "pace-2", **ADA)
    board = RouteBoard(broker.url)
    assert board.read() == {MODEL: Route(champion="pace-2", revision=2)}
    board.close()


def test_a_route_that_cannot_be_read_is_the_one_that_was_noted(tmp_path: Path, broker: Broker) -> None:
    with opened(tmp_path, broker.url) as rollout:
        rollout.desk.deploy(MODEL, "pace-1", **ADA)
        (tmp_path / "models" / MODEL / "route.json").write_text("{")
        assert rollout.route(MODEL) == Route(champion="pace-1", revision=1)


def test_a_database_that_fails_meanwhile_is_one_line(tmp_path: Path, broker: Broker) -> None:
    def look() -> None:
        with opened(tmp_path, broker.url) as rollout:
            with rollout.registry.engine.begin() as connection:
                connection.execute(text("drop table route_changes"))
            rollout.history.changes(MODEL)

    with pytest.raises(DatabaseUnavailableError, match="cannot be used"):
        look()
