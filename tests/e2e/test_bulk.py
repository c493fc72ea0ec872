"""Bulk scoring from the command line, against a system that serves others meanwhile."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from core.managers.scorer import PART_ROWS
from tests.e2e.pickles import write_team_model
from tests.e2e.processes import ROOT, Stack, wait_until
from tests.e2e.team_models import ANSWERS_NAN, CLASS, IS_SLOW, RAISES

pytestmark = pytest.mark.e2e

SLOW_ROW_S = 0.001


def trips(rows: int) -> pl.DataFrame:
    """Return trips between random zones, with a column that the model does not know."""
    dice = np.random.default_rng(7)
    return pl.DataFrame(
        {
            "id": np.arange(rows),
            "PULocationID": dice.integers(1, 266, rows).astype(np.int32),
            "DOLocationID": dice.integers(1, 266, rows),
            "trip_distance": np.round(dice.random(rows) * 30, 2),
        }
    )


def slow_trips(rows: int) -> pl.DataFrame:
    """Return trips that the team's model computes for a millisecond each."""
    return trips(rows).with_columns(PULocationID=pl.lit(IS_SLOW), trip_distance=pl.lit(SLOW_ROW_S))


def command(source: Path, output: Path, *options: str) -> list[str]:
    """Return the command line that scores a file."""
    return [sys.executable, "-m", "apps.cli", "predict", "--input", str(source), "--output", str(output), *options]


def environment(stack: Stack) -> dict[str, str]:
    return {**os.environ, **stack.env(), "COLUMNS": "120"}


def score(stack: Stack, source: Path, output: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Score a file; return once done."""
    return subprocess.run(
        command(source, output, *options),
        cwd=ROOT,
        env=environment(stack),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@contextmanager
def scoring(stack: Stack, source: Path, output: Path, *options: str) -> Iterator["subprocess.Popen[str]"]:
    """Score a file meanwhile."""
    process = subprocess.Popen(
        command(source, output, *options),
        cwd=ROOT,
        env=environment(stack),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    """Return the only line of a run that failed."""
    assert (done.returncode, done.stdout) == (1, ""), done
    return only_line(done.stderr)


def only_line(stderr: str) -> str:
    """Return the only line that a run wrote beside its progress, which starts with the output's name."""
    (line,) = (line for line in stderr.splitlines() if line.strip() and not line.startswith("out."))
    return line


def read(run: "subprocess.Popen[str]") -> str:
    """Return what a run that has ended wrote to stderr."""
    assert run.stderr is not None
    return run.stderr.read()


def parts(output: Path) -> set[str]:
    """Return the parts that a run has scored so far."""
    return {path.name for path in output.parent.glob(f"{output.name}.parts/part-*.arrow")}


def rows_in_logs(stack: Stack) -> int:
    """Return how many rows the workers say that they have predicted; a batch that was sent again counts once."""
    counts: dict[str, int] = {}
    for line in stack.log_lines("tasks/trip"):
        if count := re.fullmatch(r"worker: batch of (\d+)", line["message"]):
            task, _, _ = line["task_id"].partition(".")
            counts[task] = int(count[1])
    return sum(counts.values())


def is_quiet(stack: Stack) -> bool:
    """Tell whether nothing waits and nothing was done for some beats, the lines in the log included."""
    before = rows_in_logs(stack)
    return stack.broker.stays_idle() and rows_in_logs(stack) == before


@pytest.fixture
def own_team_stack(own_stack: Stack) -> Iterator[Stack]:
    """Return a stack for one test that serves the team's model; the broker runs, nothing else yet."""
    with own_stack.broker.running():
        yield own_stack


def team(stack: Stack) -> Mapping[str, str]:
    """Return the settings of a worker that serves the team's model."""
    return {"TRIP_DURATION_MODEL": str(write_team_model(stack.folder)), "MODEL_ALLOWED_CLASSES": CLASS}


def test_a_parquet_file_comes_back_with_what_single_requests_answer(stack: Stack, tmp_path: Path) -> None:
    frame = trips(3 * PART_ROWS + 5)
    frame.write_parquet(tmp_path / "in.parquet", row_group_size=50_000)

    done = score(stack, tmp_path / "in.parquet", tmp_path / "out.parquet")

    assert done.returncode == 0, done.stderr
    scored = pl.read_parquet(tmp_path / "out.parquet")
    assert scored.select(frame.columns).equals(frame)
    assert scored["error"].null_count() == len(frame)
    for row in scored[:: len(frame) // 40].to_dicts():
        trip = {name: row[name] for name in ("PULocationID", "DOLocationID", "trip_distance")}
        assert stack.predict(**trip).json()["duration"] == row["duration"]
    version = stack.predict().json()["model_version"]
    assert done.stdout.strip().endswith(f"98,309 rows by trip_duration {version}")
    assert pl.read_parquet_metadata(tmp_path / "out.parquet")["model_version"] == version
    assert {path.name for path in tmp_path.iterdir()} == {"in.parquet", "out.parquet"}


@pytest.mark.parametrize("kind", ["csv", "ndjson"])
def test_csv_and_lines_of_json_get_the_same_answers(stack: Stack, tmp_path: Path, kind: str) -> None:
    frame = trips(500)
    frame.write_parquet(tmp_path / "in.parquet")
    getattr(frame, f"write_{kind}")(tmp_path / f"in.{kind}")

    for suffix in ("parquet", kind):
        assert score(stack, tmp_path / f"in.{suffix}", tmp_path / f"out.{suffix}").returncode == 0

    load = pl.read_csv if kind == "csv" else pl.read_ndjson
    expected = pl.read_parquet(tmp_path / "out.parquet")
    assert load(tmp_path / f"out.{kind}")["duration"].to_list() == expected["duration"].to_list()


def test_rows_that_fail_are_named_and_stop_nobody(team_stack: Stack, tmp_path: Path) -> None:
    frame = trips(400).with_columns(
        PULocationID=pl.Series([RAISES, ANSWERS_NAN, 0, None, 7] * 80, dtype=pl.Int64),
        trip_distance=pl.Series([1.0, 1.0, 1.0, 1.0, 2.0] * 80),
    )
    frame.write_parquet(tmp_path / "in.parquet")

    done = score(team_stack, tmp_path / "in.parquet", tmp_path / "out.parquet")

    assert done.returncode == 0, done.stderr
    assert "320 of them failed" in done.stdout
    scored = pl.read_parquet(tmp_path / "out.parquet")
    assert scored["duration"].to_list() == [None, None, None, None, 12.0] * 80
    bad = "invalid_row: PULocationID: not an integer of 1..265"
    model, nan = "model_error: the model failed on this row", "not_finite: the model gave no finite number for this row"
    assert scored["error"].to_list() == [model, nan, bad, bad, None] * 80


def test_a_run_that_is_killed_goes_on_where_it_was_and_sends_nothing_twice(
    own_team_stack: Stack, tmp_path: Path
) -> None:
    stack, output = own_team_stack, tmp_path / "out.parquet"
    # The first part is fast, each of the others takes more than a second: time enough to kill the run.
    slow = (pl.col("id") >= PART_ROWS) & (pl.col("id") % 32 == 0)
    frame = slow_trips(4 * PART_ROWS).with_columns(PULocationID=pl.when(slow).then(IS_SLOW).otherwise(7))
    frame.write_parquet(tmp_path / "in.parquet")
    with stack.worker(**team(stack)):
        wait_until(stack.broker.heartbeats, what="the worker beats")
        with scoring(stack, tmp_path / "in.parquet", output) as run:
            wait_until(lambda: parts(output), what="a part is scored")
            run.kill()
            run.wait()
        kept = len(parts(output))
        wait_until(lambda: is_quiet(stack), what="what was under way is done")
        before = rows_in_logs(stack)

        done = score(stack, tmp_path / "in.parquet", output)

        assert done.returncode == 0, done.stderr
        assert 1 <= kept < 4
        wait_until(lambda: is_quiet(stack), what="the last line is written")
        assert rows_in_logs(stack) - before == (4 - kept) * PART_ROWS
    scored = pl.read_parquet(output)
    assert scored.select(frame.columns).equals(frame)
    assert scored["duration"].to_list() == [10.0 + SLOW_ROW_S] * len(frame)
    assert not output.with_name("out.parquet.parts").exists()


@pytest.mark.slow
def test_a_run_is_not_mixed_with_one_of_another_input_or_version(own_team_stack: Stack, tmp_path: Path) -> None:
    stack, source, output = own_team_stack, tmp_path / "in.csv", tmp_path / "out.csv"
    slow_trips(20_000).write_csv(source)
    with stack.worker(**team(stack)):
        wait_until(stack.broker.heartbeats, what="the worker beats")
        with scoring(stack, source, output) as run:
            wait_until(stack.broker.computing, what="the run is under way")
            wait_until(output.with_name("out.csv.parts").joinpath("plan.json").exists, what="its plan is kept")
            assert "another run" in one_line(score(stack, source, output))
            run.kill()
            run.wait()
        slow_trips(10).write_csv(source)
        assert "the input has changed" in one_line(score(stack, source, output))
        assert "no worker holds trip_duration other" in one_line(
            score(stack, source, output, "--model-version", "other")
        )
        assert score(stack, source, output, "--restart").returncode == 0
        assert "is there already" in one_line(score(stack, source, output))
        assert score(stack, source, output, "--overwrite").returncode == 0


def test_a_run_survives_the_death_of_a_worker(own_team_stack: Stack, tmp_path: Path) -> None:
    stack, output = own_team_stack, tmp_path / "out.parquet"
    frame = slow_trips(1_500)
    frame.write_parquet(tmp_path / "in.parquet")
    with ExitStack() as workers:
        first, _ = (workers.enter_context(stack.worker(**team(stack))) for _ in range(2))
        wait_until(lambda: len(stack.broker.heartbeats()) == 2, what="two workers")
        with scoring(stack, tmp_path / "in.parquet", output) as run:
            wait_until(stack.broker.computing, what="the run is under way")
            first.kill()
            assert run.wait(60) == 0
    assert pl.read_parquet(output)["duration"].to_list() == [10.0 + SLOW_ROW_S] * len(frame)


@pytest.mark.slow
def test_a_run_waits_for_workers_that_are_away_and_gives_up_with_one_line(
    own_team_stack: Stack, tmp_path: Path
) -> None:
    stack, output = own_team_stack, tmp_path / "out.parquet"
    slow_trips(2_000).write_parquet(tmp_path / "in.parquet")
    assert "no worker within 1 s" in one_line(score(stack, tmp_path / "in.parquet", output, "--patience-s", "1"))
    assert not output.with_name("out.parquet.parts").exists()
    with stack.worker(**team(stack)) as worker:
        wait_until(stack.broker.heartbeats, what="the worker beats")
        with scoring(stack, tmp_path / "in.parquet", output, "--patience-s", "3") as run:
            wait_until(stack.broker.computing, what="the run is under way")
            worker.send_signal(signal.SIGKILL)
            assert run.wait(60) == 1
            assert "predict: no worker for 3 s" in only_line(read(run))
    with stack.worker(**team(stack)):
        assert score(stack, tmp_path / "in.parquet", output).returncode == 0


def test_an_interrupted_run_says_how_to_go_on(team_stack: Stack, tmp_path: Path) -> None:
    slow_trips(20_000).write_parquet(tmp_path / "in.parquet")
    with scoring(team_stack, tmp_path / "in.parquet", tmp_path / "out.parquet") as run:
        wait_until(team_stack.broker.computing, what="the run is under way")
        run.send_signal(signal.SIGINT)
        assert run.wait(60) == 130
        assert "the same command goes on" in only_line(read(run))
    wait_until(team_stack.broker.stays_idle, what="what was under way is done")
