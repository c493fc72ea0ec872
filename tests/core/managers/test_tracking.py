import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from loguru import logger

from core.managers.database import open_database
from core.managers.run_creation import create_run
from core.managers.run_execution import execute_run
from core.managers.runs import Runs
from core.managers.tracking import track
from core.managers.workplace import Workplace
from core.schemas.run import Run, RunState
from core.utilities.errors import DataQualityError, EvaluationGateError
from tests.core.managers.pipeline_files import month_file, parameters, workplace

pytestmark = pytest.mark.slow


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Runs]:
    engine = open_database(f"sqlite:///{tmp_path / 'runs.sqlite'}")
    yield Runs(engine)
    engine.dispose()


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    return replace(workplace(tmp_path), tracking_db=tmp_path / "repo" / "mlflow.db")


@pytest.fixture
def told() -> Iterator[list[str]]:
    """What is logged as a warning."""
    lines: list[str] = []
    sink = logger.add(lambda message: lines.append(str(message)), level="WARNING", format="{message}")
    yield lines
    logger.remove(sink)


def queued(runs: Runs, tmp_path: Path, place: Workplace, **changes: Any) -> Run:
    for month, pace in (("2021-01", 2.0), ("2021-02", 2.1)):
        month_file(tmp_path / "data", month, pace=pace)
    return create_run(runs, parameters(tmp_path / "data", **changes), place.models_dir)


def kept(place: Workplace, table: str) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(str(place.tracking_db))) as connection:
        found = connection.execute(f"SELECT run_uuid, key, value FROM {table}").fetchall()  # noqa: S608
        runs = dict.fromkeys(row[0] for row in connection.execute("SELECT run_uuid FROM runs ORDER BY start_time"))
    return [{key: value for run, key, value in found if run == wanted} for wanted in runs]


def test_runs_are_kept_with_what_was_asked_for_and_what_came_of_it(
    runs: Runs, tmp_path: Path, place: Workplace, told: list[str]
) -> None:
    good = execute_run(runs, queued(runs, tmp_path, place).id, place)
    strict = queued(runs, tmp_path, place, gate={"rmse_max": 1e-9, "noise_factor": 1.0})
    with pytest.raises(EvaluationGateError):
        execute_run(runs, strict.id, place)
    assert told == []
    first, second = kept(place, "tags")
    assert (first["run_id"], first["version"]) == (good.id, good.version)
    assert first["code_revision"].startswith("sources-")
    assert (second["run_id"], second["failed_step"]) == (strict.id, "register")
    assert "not registered" in second["error"]
    assert [asked["gate.rmse_max"] for asked in kept(place, "params")] == ["12.0", "1e-09"]
    ours, refused = kept(place, "metrics")
    assert ours["rmse"] == refused["rmse"] > 1e-9
    assert {"mae", "bias", "validation_rmse", "importance/trip_distance"} <= ours.keys()


def test_a_run_that_failed_before_any_evaluation_is_kept_without_metrics(
    runs: Runs, tmp_path: Path, place: Workplace
) -> None:
    run = queued(runs, tmp_path, place, limits={"rows_min": 10_000})
    with pytest.raises(DataQualityError):
        execute_run(runs, run.id, place)
    assert [tags["failed_step"] for tags in kept(place, "tags")] == ["check"]
    assert kept(place, "metrics") == [{}]


def test_tracking_that_fails_is_told_once_and_is_nothing_to_the_run(
    runs: Runs, tmp_path: Path, place: Workplace, told: list[str]
) -> None:
    (tmp_path / "no folder").write_text("")
    broken = replace(place, tracking_db=tmp_path / "no folder" / "mlflow.db")
    assert execute_run(runs, queued(runs, tmp_path, place).id, broken).state is RunState.SUCCEEDED
    (line,) = told
    assert line.startswith("the run is not tracked: ")
    assert "Error" in line


def test_nothing_is_tracked_where_it_is_turned_off(runs: Runs, tmp_path: Path) -> None:
    place = workplace(tmp_path)
    execute_run(runs, queued(runs, tmp_path, place).id, place)
    assert list(tmp_path.rglob("mlflow*")) == []


def test_a_run_that_has_not_ended_is_not_tracked(runs: Runs, tmp_path: Path, place: Workplace) -> None:
    track(queued(runs, tmp_path, place), place)
    assert place.tracking_db is not None
    assert not place.tracking_db.exists()
