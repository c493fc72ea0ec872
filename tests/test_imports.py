import os
import subprocess
import sys
from pathlib import Path

import pytest

from config import ROOT

PIPELINE = (
    "duckdb", "pandera", "hamilton", "sqlalchemy", "alembic", "statemachine", "polars", "pandas", "mlflow", "matplotlib",
)  # fmt: skip


@pytest.mark.parametrize(
    "module",
    [
        "apps.api.main",
        "tasks.worker",
        "tasks.trip.tasks",
        "tasks.sandbox",
        "tasks.worker, core.handlers.trip_duration",
        "boot.local.launch",
    ],
)
def test_what_serves_imports_no_library_of_the_pipeline(module: str, tmp_path: Path) -> None:
    assert imported(module, PIPELINE, tmp_path) == "[]\n"


def test_a_pipeline_worker_that_waits_holds_no_library_that_trains(tmp_path: Path) -> None:
    heavy = ("polars", "duckdb", "pandera", "hamilton", "sklearn", "numpy", "pandas")
    assert imported("tasks.pipeline.worker, tasks.pipeline.tasks", heavy, tmp_path) == "[]\n"


def test_the_command_line_starts_without_what_only_training_needs(tmp_path: Path) -> None:
    assert imported("apps.cli.__main__", ("sklearn", "sqlalchemy", "mlflow", "matplotlib"), tmp_path) == "[]\n"


def test_a_web_process_that_is_asked_about_versions_holds_no_model_code(tmp_path: Path) -> None:
    heavy = ("sklearn", "numpy", "polars", "boto3", "alembic", "statemachine")
    assert imported("apps.api.main, core.managers.version_desk", heavy, tmp_path) == "[]\n"


def imported(module: str, names: tuple[str, ...], folder: Path) -> str:
    """Return those of the libraries that a new process has after it imported a module, as Python prints a list."""
    code = f"import sys, {module}; print([name for name in {names} if name in sys.modules])"
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", code], check=True, cwd=folder, env=env, capture_output=True, text=True
    ).stdout
