from pathlib import Path

import pytest

from core.managers.database import open_database
from core.managers.limit_files import load_limits
from core.managers.run_creation import create_run
from core.managers.runs import Runs
from core.schemas.gate_limits import GateLimits
from core.schemas.run import RunParameters
from tests.core.managers.pipeline_files import parameters


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(open_database(f"sqlite:///{tmp_path / 'runs.sqlite'}"))


def created(runs: Runs, tmp_path: Path, **changes: object) -> RunParameters:
    return runs.get(create_run(runs, parameters(tmp_path, **changes), tmp_path / "models").id).parameters


def test_the_limits_of_the_familys_file_are_fixed_in_the_run(runs: Runs, tmp_path: Path) -> None:
    fixed, file = created(runs, tmp_path), load_limits("trip_duration")
    assert (fixed.limits, fixed.gate) == (file.quality, file.gate)
    assert fixed.gate != GateLimits()


def test_a_limit_that_the_caller_gives_wins_over_the_file(runs: Runs, tmp_path: Path) -> None:
    fixed, file = created(runs, tmp_path, gate={"rmse_max": 4.5}), load_limits("trip_duration")
    assert fixed.gate == file.gate.model_copy(update={"rmse_max": 4.5})
