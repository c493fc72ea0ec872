import json
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from apps.cli.__main__ import app
from config import ROOT
from core.managers.database import open_database
from core.managers.watched_files import WatchedFiles
from tests.core.managers.pipeline_files import STEPS, month_file
from tests.core.managers.spoilt_files import SPOILT, Spoilt
from tests.e2e.processes import wait_until

LONG_ROWS = 100_000


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "repo"))
    for month in ("2021-01", "2021-02"):
        month_file(tmp_path / "data", month)
    return tmp_path / "data"


def cli(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["pipeline", *map(str, arguments)], env={"COLUMNS": "300"})


def newest() -> str:
    return str(json.loads(cli("list", "--json").stdout)[0]["id"])


def test_runs_are_listed_and_shown_with_their_steps(data: Path) -> None:
    assert cli("run", "--data", data, "--version", "2021-01-boosted-0123abcd").exit_code == 0
    assert all(text in cli("list").stdout for text in (newest(), "succeeded", "2021-01", "2021-01-boosted-0123abcd"))
    # A narrow terminal folds the version, and cuts off nothing.
    narrow = CliRunner().invoke(app, ["pipeline", "list"], env={"COLUMNS": "80"}).stdout
    rows = [line.split("│")[1:-1] for line in narrow.splitlines() if line.startswith("│")]
    whole = ["".join(cell.strip() for cell in column) for column in zip(*rows, strict=True)]
    assert (whole[0], whole[-1]) == (newest(), "2021-01-boosted-0123abcd")
    shown = cli("show", newest())
    assert all(step in shown.stdout for step in STEPS)
    assert "version: 2021-01-boosted-0123abcd" in shown.stdout
    told = json.loads(cli("show", newest(), "--json").stdout)
    assert [step["step"] for step in told["steps"]] == list(STEPS)


def test_a_run_that_was_cancelled_is_not_to_be_resumed(data: Path) -> None:
    assert cli("run", "--data", data, "--test-month", "2021-03").exit_code == 1
    assert cli("cancel", newest()).exit_code == 0
    assert cli("resume", newest()).stderr == "resume: a run that is cancelled cannot start\n"


@pytest.mark.slow
def test_a_run_that_is_interrupted_tells_how_it_goes_on(data: Path) -> None:
    # Large enough to be under way still when it is seen to be, on a machine that stands still for seconds.
    for month in ("2021-01", "2021-02"):
        month_file(data, month, rows=LONG_ROWS)
    command = (sys.executable, "-m", "apps.cli", "pipeline", "run", "--data", str(data))
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        wait_until(lambda: any(run["state"] == "running" for run in json.loads(cli("list", "--json").stdout)))
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
    assert (process.returncode, told) == (
        130,
        f"interrupted; to go on: python -m apps.cli pipeline resume {newest()}\n",
    )


@pytest.mark.slow
def test_what_a_gate_refused_is_not_to_be_resumed(data: Path) -> None:
    (data / "strict.yaml").write_text("gate: {rmse_max: 0.001}\n")
    refused = cli("run", "--data", data, "--limits", data / "strict.yaml")
    assert refused.exit_code == 1
    assert "for other limits: --limits" in refused.stderr
    assert "resume" not in refused.stderr


def test_a_failed_run_is_shown_and_resumed_where_it_broke_off(data: Path) -> None:
    spoilt = data / "green_tripdata_2021-02.parquet"
    whole = spoilt.read_bytes()
    spoilt.write_bytes(whole[:-100])
    assert cli("run", "--data", data).exit_code == 1
    shown = cli("show", newest()).stdout
    assert "state: failed (ingest)" in shown
    assert "truncated" in shown
    spoilt.write_bytes(whole)
    resumed = cli("resume", newest())
    assert resumed.exit_code == 0, resumed.output
    assert "stored in" in resumed.stdout


@pytest.mark.parametrize("step", ["ingest", "prepare"])
def test_a_run_may_end_after_a_step_and_says_where_its_output_is(data: Path, step: str) -> None:
    result = cli("run", "--data", data, "--train-month", "2021-01", "--until", step)
    assert result.exit_code == 0, result.output
    folder = Path(result.stdout.strip().rpartition("its output is in ")[2])
    assert (folder / "checkpoint.json").exists()
    assert f"until: {step}" in cli("show", newest()).stdout


def test_a_step_that_no_run_ends_after_is_one_line(data: Path) -> None:
    result = cli("run", "--data", data, "--until", "lunch")
    assert result.exit_code == 1
    assert result.stderr == "run: until: Input should be 'ingest', 'prepare' or 'split'\n"


def test_files_of_a_watched_place_are_listed_with_what_became_of_them(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'repo' / 'runs.sqlite'}")
    files = WatchedFiles(engine)
    files.settle(files.see("/new/bad", "1"), error="it is truncated")
    files.settle(files.see("/new/good", "1"), sha256="a" * 64)
    files.see("/new/growing", "1")
    engine.dispose()
    shown = cli("watched").stdout
    assert all(text in shown for text in ("/new/bad", "it is truncated", "a" * 12, "waits until"))


def test_the_graph_is_drawn_to_a_file_or_printed(tmp_path: Path) -> None:
    printed = cli("graph")
    assert cli("graph", "--output", tmp_path / "graph.svg").exit_code == 0
    assert printed.stdout == (tmp_path / "graph.svg").read_text()
    assert printed.stdout.startswith("<svg")
    assert all(f">{step}</text>" in printed.stdout for step in STEPS)


def test_a_drawing_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    result = cli("graph", "--output", tmp_path / "nowhere" / "graph.svg")
    assert result.exit_code == 1
    assert result.stderr.startswith("graph: ")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("spoilt", SPOILT, ids=lambda spoilt: spoilt.spoil.__name__)
def test_a_bad_file_is_one_line_that_says_what_and_where_and_nothing_is_registered(
    data: Path, tmp_path: Path, spoilt: Spoilt
) -> None:
    spoilt.spoil(data / "green_tripdata_2021-02.parquet")
    result = cli("run", "--data", data)
    assert result.exit_code == 1
    assert spoilt.report in result.stderr
    assert f"failed at step {spoilt.step}" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    told = json.loads(cli("show", newest(), "--json").stdout)
    assert (told["state"], told["step"], told["version"]) == ("failed", spoilt.step, None)
    assert spoilt.report in told["error"]
    assert not list((tmp_path / "models").glob("*/*"))


def test_runs_are_compared_by_error_parameters_and_steps(data: Path) -> None:
    cli("run", "--data", data, "--version", "one")
    first = newest()
    cli("run", "--data", data, "--version", "two", "--validation-days", "3")
    compared = cli("compare", first, newest()).stdout
    assert all(text in compared for text in ("one", "two", "test RMSE (min)", "validation_days", "split", "evaluate"))
    assert "prepare" not in compared


def test_a_run_that_ended_is_neither_resumed_nor_cancelled(data: Path) -> None:
    cli("run", "--data", data)
    for command in ("resume", "cancel"):
        result = cli(command, newest())
        assert result.exit_code == 1
        assert "a run that is succeeded cannot" in result.stderr
        assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("command", [("show", "x"), ("resume", "x"), ("cancel", "x"), ("compare", "x", "y")])
def test_an_unknown_run_is_one_line(command: tuple[str, ...]) -> None:
    result = cli(*command)
    assert result.exit_code == 1
    assert result.stderr == f"{command[0]}: there is no such run\n"


def test_a_failed_run_can_be_cancelled(data: Path) -> None:
    (data / "green_tripdata_2021-02.parquet").write_bytes(b"PAR1")
    cli("run", "--data", data)
    assert cli("cancel", newest()).exit_code == 0
    assert "cancelled" in cli("list").stdout


@pytest.mark.parametrize("spoilt", ["drop table runs", None])
def test_a_database_that_cannot_be_used_is_one_line(tmp_path: Path, spoilt: str | None) -> None:
    assert cli("list").exit_code == 0
    file = tmp_path / "repo" / "runs.sqlite"
    if spoilt is None:
        file.write_bytes(b"this is no database" * 100)
    else:
        with closing(sqlite3.connect(file)) as connection:
            connection.execute(spoilt)
    result = cli("list")
    assert result.exit_code == 1
    assert result.stderr.startswith("list: the database of the runs cannot be used")
    assert len(result.stderr.splitlines()) == 1
