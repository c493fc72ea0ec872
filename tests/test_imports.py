import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

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
def test_what_serves_imports_no_library_of_the_pipeline(module: str) -> None:
    assert not loaded(module).intersection(PIPELINE)


@pytest.mark.parametrize(
    "module", ["apps.api.main", "tasks.sandbox", "tasks.pipeline.worker", "tasks.worker", "boot.probe"]
)
def test_a_gpu_library_is_imported_when_a_worker_looks_for_a_gpu_and_never_before(module: str) -> None:
    assert "cupy" not in loaded(module)


def test_a_pipeline_worker_that_waits_holds_no_library_that_trains() -> None:
    heavy = ("polars", "duckdb", "pandera", "hamilton", "sklearn", "numpy", "pandas")
    assert not loaded("tasks.pipeline.worker, tasks.pipeline.tasks").intersection(heavy)


def test_the_command_line_starts_without_what_only_training_needs() -> None:
    assert not loaded("apps.cli.__main__").intersection({"sklearn", "sqlalchemy", "mlflow", "matplotlib"})


def test_a_web_process_that_is_asked_about_versions_holds_no_model_code() -> None:
    heavy = ("sklearn", "numpy", "polars", "boto3", "sqlalchemy", "alembic", "statemachine")
    assert not loaded("apps.api.main, core.managers.version_desk").intersection(heavy)


def test_what_is_imported_is_seen() -> None:
    assert {"cupy", "core"} <= loaded("cupy, core.schemas")


@cache
def loaded(module: str) -> frozenset[str]:
    """Return the packages that a new process has after it imported a module; CuPy is there to be imported."""
    code = f"import sys, {module}; print(*(name for name in sys.modules if '.' not in name))"
    with TemporaryDirectory() as folder:
        (Path(folder) / "cupy.py").write_text("")
        env = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{folder}"}
        done = subprocess.run(
            [sys.executable, "-c", code], check=True, cwd=folder, env=env, capture_output=True, text=True
        )
    return frozenset(done.stdout.split())
