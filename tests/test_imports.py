import os
import subprocess
import sys
from pathlib import Path

import pytest

from config import ROOT

PIPELINE = ("duckdb", "pandera", "hamilton", "sqlalchemy", "alembic", "statemachine", "polars", "mlflow", "matplotlib")
"""Not pandas: scikit-learn imports it wherever it is installed (docs/dependencies.md)."""


@pytest.mark.parametrize("module", ["apps.api.main", "tasks.worker", "tasks.trip.tasks", "boot.local.launch"])
def test_what_serves_imports_no_library_of_the_pipeline(module: str, tmp_path: Path) -> None:
    assert imported(module, PIPELINE, tmp_path) == "[]\n"


def test_the_command_line_starts_without_what_only_training_needs(tmp_path: Path) -> None:
    assert imported("apps.cli.__main__", ("sklearn", "sqlalchemy", "mlflow", "matplotlib"), tmp_path) == "[]\n"


def imported(module: str, names: tuple[str, ...], folder: Path) -> str:
    """Return those of the libraries that a new process has after it imported a module, as Python prints a list."""
    code = f"import sys, {module}; print([name for name in {names} if name in sys.modules])"
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", code], check=True, cwd=folder, env=env, capture_output=True, text=True
    ).stdout
