import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from config import ROOT
from core.managers.database import open_database
from core.managers.run_creation import create_run
from core.managers.run_execution import execute_run
from core.managers.runs import Runs
from core.managers.version_files import read_manifest
from core.schemas.run import Run, RunState
from core.utilities.errors import DataError, RunInterruptedError, RunStateError
from tests.core.managers.pipeline_files import STEPS, Diary, month_file, parameters, workplace
from tests.core.managers.postgresql import database
from tests.core.managers.registered import set_champion


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for month in ("2021-01", "2021-02"):
        month_file(tmp_path / "data", month)
    return tmp_path / "data"


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Runs]:
    engine = open_database(f"sqlite:///{tmp_path / 'runs.sqlite'}")
    yield Runs(engine)
    engine.dispose()


def sha256(folder: Path, run: Run) -> str:
    assert run.version is not None
    return read_manifest(folder / "repo" / "models" / "trip_duration" / run.version).sha256


def test_a_run_ends_with_a_version_and_the_hashes_of_every_step(runs: Runs, tmp_path: Path, data: Path) -> None:
    run = execute_run(runs, create_run(runs, parameters(data), workplace(tmp_path).models_dir).id, workplace(tmp_path))
    assert run.state is RunState.SUCCEEDED
    assert sha256(tmp_path, run)
    assert tuple(step.step for step in run.steps) == STEPS
    assert all(step.output_sha256 and not step.reused for step in run.steps)
    assert runs.get(run.id) == run


def test_a_failed_run_resumes_at_the_step_that_failed(runs: Runs, tmp_path: Path, data: Path) -> None:
    run_id = create_run(runs, parameters(data), workplace(tmp_path).models_dir).id
    with pytest.raises(RuntimeError):
        execute_run(runs, run_id, workplace(tmp_path), observer=Diary(fail_at="train"))
    failed = runs.get(run_id)
    assert (failed.state, failed.step, failed.error) == (RunState.FAILED, "train", "unexpectedly ended by RuntimeError")
    run = execute_run(runs, run_id, workplace(tmp_path))
    assert [step.step for step in run.steps if step.attempt == 2 and not step.reused] == [
        "train",
        "evaluate",
        "register",
    ]


def test_bad_data_fail_the_run_with_the_report(runs: Runs, tmp_path: Path, data: Path) -> None:
    (data / "green_tripdata_2021-02.parquet").write_bytes(b"PAR1")
    run_id = create_run(runs, parameters(data), workplace(tmp_path).models_dir).id
    with pytest.raises(DataError):
        execute_run(runs, run_id, workplace(tmp_path))
    failed = runs.get(run_id)
    assert (failed.state, failed.step) == (RunState.FAILED, "ingest")
    assert failed.error is not None
    assert "green_tripdata_2021-02.parquet" in failed.error


def test_an_interruption_by_the_keyboard_leaves_no_run_that_seems_to_run(
    runs: Runs, tmp_path: Path, data: Path
) -> None:
    run_id = create_run(runs, parameters(data), workplace(tmp_path).models_dir).id
    with pytest.raises(KeyboardInterrupt):
        execute_run(runs, run_id, workplace(tmp_path), observer=_Interrupted())
    assert runs.get(run_id).error == "unexpectedly ended by KeyboardInterrupt"


class _Interrupted(Diary):
    def started(self, step: str, input_sha256: str) -> None:
        raise KeyboardInterrupt


def test_a_run_that_is_cancelled_stops_before_its_next_step(runs: Runs, tmp_path: Path, data: Path) -> None:
    run_id = create_run(runs, parameters(data), workplace(tmp_path).models_dir).id

    class Cancelling(Diary):
        def started(self, step: str, input_sha256: str) -> None:
            super().started(step, input_sha256)
            if step == "combine":
                runs.cancel(run_id)

    diary = Cancelling()
    with pytest.raises(RunInterruptedError, match="was cancelled"):
        execute_run(runs, run_id, workplace(tmp_path), observer=diary)
    assert diary.begun[-1] == "combine"
    assert runs.get(run_id).state is RunState.CANCELLED
    with pytest.raises(RunStateError):
        execute_run(runs, run_id, workplace(tmp_path))


def test_the_champion_is_the_one_that_answers_when_the_run_is_created(runs: Runs, tmp_path: Path, data: Path) -> None:
    place = workplace(tmp_path)
    first = execute_run(runs, create_run(runs, parameters(data, version="first"), place.models_dir).id, place)
    assert first.parameters.champion is None
    set_champion(place.models_dir, "trip_duration", "first")
    second = create_run(runs, parameters(data), place.models_dir)
    set_champion(place.models_dir, "trip_duration", "later")
    assert runs.get(second.id).parameters.champion == "first"


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("kind", "design"), [("sqlite", "boosted"), ("postgresql", "linear")])
def test_killed_in_each_step_in_turn_a_run_ends_like_an_undisturbed_one(
    tmp_path: Path, data: Path, kind: str, design: str
) -> None:
    with database(kind, tmp_path) as url:
        engine = open_database(url)
        runs, other, asked = Runs(engine), tmp_path / "other", parameters(data, design=design)
        undisturbed = execute_run(runs, create_run(runs, asked, workplace(other).models_dir).id, workplace(other))
        run_id = create_run(runs, asked, workplace(tmp_path).models_dir).id
        for step in _killed_at_each(tmp_path, url, run_id):
            killed = runs.get(run_id)
            assert (killed.state, killed.step) == (RunState.RUNNING, step)
        run = execute_run(runs, run_id, workplace(tmp_path))
        engine.dispose()
    assert (run.state, run.attempt) == (RunState.SUCCEEDED, len(STEPS) + 1)
    assert sha256(tmp_path, run) == sha256(other, undisturbed)
    computed = [step.step for step in run.steps if step.output_sha256 and not step.reused]
    assert sorted(computed) == sorted(STEPS)


def _killed_at_each(folder: Path, url: str, run_id: str) -> Iterator[str]:
    """Let processes execute the run, and kill each of them in the next step; yield the steps."""
    command = [sys.executable, "-m", "tests.core.managers.killed_run", str(folder), url, run_id, *STEPS]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            for step in STEPS:
                pid, reached = process.stdout.readline().split()
                assert reached == step
                victim = psutil.Process(int(pid))
                victim.kill()
                psutil.wait_procs([victim], timeout=60)
                yield step
        finally:
            process.kill()
