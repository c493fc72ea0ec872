import os
import subprocess
import sys
from pathlib import Path

import pytest

from config import ROOT

PIPELINE = ("duckdb", "pandera", "hamilton", "sqlalchemy", "alembic", "statemachine", "polars")
"""Not pandas: scikit-learn imports it wherever it is installed (docs/dependencies.md)."""


@pytest.mark.parametrize("module", ["apps.api.main", "tasks.worker", "tasks.trip.tasks", "boot.local.launch"])
def test_what_serves_imports_no_library_of_the_pipeline(module: str, tmp_path: Path) -> None:
    code = f"import sys, {module}; print([name for name in {PIPELINE} if name in sys.modules])"
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    found = subprocess.run(
        [sys.executable, "-c", code], check=True, cwd=tmp_path, env=env, capture_output=True, text=True
    )
    assert found.stdout == "[]\n"
