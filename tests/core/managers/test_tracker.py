import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from config import ROOT
from core.schemas.tracking import TrackedRun

pytestmark = pytest.mark.slow

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One database for all tests: mlflow takes seconds to create its tables."""
    return tmp_path_factory.mktemp("tracking") / "repo" / "mlflow.db"


def write(database: Path, run_id: str, **values: Any) -> None:
    told = {
        "database": database,
        "experiment": "trip_duration",
        "run_id": run_id,
        "name": "v7",
        "succeeded": True,
        "started_at": START,
        "finished_at": START + timedelta(seconds=9),
        "parameters": {"train_months": "2021-01"},
        "metrics": {"rmse": 5.0, "without pickup_datetime/rmse": 5.6},
        "tags": {"version": "v7"},
    }
    tracked = TrackedRun(**{**told, **values})
    command = [sys.executable, "-W", "ignore", "-m", "core.managers.tracker"]
    subprocess.run(command, input=tracked.model_dump_json().encode(), cwd=ROOT, check=True, capture_output=True)


def rows(database: Path, query: str, run_id: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(database)) as connection:
        found = connection.execute("SELECT run_uuid FROM tags WHERE key = 'run_id' AND value = ?", (run_id,)).fetchall()
        assert len(found) == 1
        return connection.execute(query, found[0]).fetchall()


def test_a_run_is_kept_under_its_model_with_parameters_errors_and_tags_and_nothing_else_is_written(
    database: Path,
) -> None:
    write(database, "a")
    assert rows(database, "SELECT name, status, end_time - start_time FROM runs WHERE run_uuid = ?", "a") == [
        ("v7", "FINISHED", 9000)
    ]
    assert rows(database, "SELECT key, value FROM params WHERE run_uuid = ?", "a") == [("train_months", "2021-01")]
    metrics = rows(database, "SELECT key, value FROM metrics WHERE run_uuid = ?", "a")
    assert dict(metrics) == {"rmse": 5.0, "without pickup_datetime/rmse": 5.6}
    assert ("version", "v7") in rows(database, "SELECT key, value FROM tags WHERE run_uuid = ?", "a")
    query = "SELECT e.name FROM runs r JOIN experiments e USING (experiment_id) WHERE r.run_uuid = ?"
    assert rows(database, query, "a") == [("trip_duration",)]
    assert [path.name for path in database.parent.iterdir()] == ["mlflow.db"]


def test_a_run_that_failed_and_was_resumed_is_one_run(database: Path) -> None:
    write(database, "b", succeeded=False, name="b", metrics={}, tags={"failed_step": "train"})
    assert rows(database, "SELECT name, status FROM runs WHERE run_uuid = ?", "b") == [("b", "FAILED")]
    write(database, "b")
    assert rows(database, "SELECT name, status FROM runs WHERE run_uuid = ?", "b") == [("v7", "FINISHED")]
    assert dict(rows(database, "SELECT key, value FROM metrics WHERE run_uuid = ?", "b"))["rmse"] == 5.0
