import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from core.managers.database import open_database
from core.managers.raw_store import RawStore
from core.managers.run_creation import create_run
from core.managers.runs import Runs
from core.schemas.run import Run, RunState
from tests.core.managers.pipeline_files import STEPS, month_file, parameters
from tests.core.managers.postgresql import database
from tests.core.managers.spoilt_files import add_nulls
from tests.e2e.processes import ANSWER_TIMEOUT_S, Stack, create_stack, running, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]
Worker = Callable[[], AbstractContextManager[subprocess.Popen[bytes]]]


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    stack = create_stack(tmp_path)
    with stack.broker.running():
        yield stack


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Runs]:
    engine = open_database(f"sqlite:///{tmp_path / 'data' / 'runs.sqlite'}")
    yield Runs(engine)
    engine.dispose()


@contextmanager
def beat(stack: Stack, name: str, **settings: str) -> Iterator[None]:
    """Run a scheduler."""
    command = [sys.executable, "-m", "celery", "-A", "tasks.pipeline.worker", "beat", "--pidfile="]
    memory = str(stack.folder / f"{name}-schedule")
    env = stack.env(DATA_DIR=str(stack.folder / "data"), MODELS_DIR=str(stack.folder / "models"), **settings)
    with running(*command, "-s", memory, log=stack.folder / f"{name}.log", env=env, politely=False):
        yield


@contextmanager
def worker(stack: Stack, **settings: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a pipeline worker."""
    options = ["-P", "prefork", "-c", "1", "-Q", "tasks.pipeline", "--without-gossip", "--without-mingle"]
    command = [sys.executable, "-m", "celery", "-A", "tasks.pipeline.worker", "worker", *options]
    env = stack.env(DATA_DIR=str(stack.folder / "data"), MODELS_DIR=str(stack.folder / "models"), **settings)
    with running(*command, log=stack.folder / "pipeline.log", env=env, politely=False) as process:
        yield process


def caller(stack: Stack) -> httpx.Client:
    """Return a client that waits for its answers as long as they may take."""
    return httpx.Client(base_url=stack.url, timeout=ANSWER_TIMEOUT_S)


def log_lines(stack: Stack, text: str) -> list[str]:
    """Return the messages of the workers that have the text in them."""
    return [line["message"] for line in stack.log_lines("tasks/pipeline") if text in line["message"].lower()]


def queue_run(runs: Runs, stack: Stack, *, rows: int = 900) -> Run:
    for month in ("2021-01", "2021-02"):
        month_file(stack.folder / "files", month, rows=rows)
    return create_run(
        runs, parameters(stack.folder / "files", design="linear"), stack.folder / "models", for_worker=True
    )


def wait_for(runs: Runs, run: Run, *states: RunState) -> Run:
    wait_until(lambda: runs.get(run.id).state in states, timeout_s=240, what=f"the run is {states}")
    return runs.get(run.id)


def test_a_queued_run_is_executed_by_a_worker(runs: Runs, stack: Stack) -> None:
    run = queue_run(runs, stack)
    with worker(stack):
        done = wait_for(runs, run, RunState.SUCCEEDED, RunState.FAILED)
    assert (done.state, done.attempt, done.error) == (RunState.SUCCEEDED, 1, None)
    assert (stack.folder / "models" / "trip_duration" / str(done.version) / "model.pickle").exists()


def test_bad_data_fail_the_run_and_not_the_worker(runs: Runs, stack: Stack) -> None:
    bad = queue_run(runs, stack)
    (stack.folder / "files" / "green_tripdata_2021-02.parquet").write_bytes(b"PAR1")
    with worker(stack):
        assert wait_for(runs, bad, RunState.FAILED).step == "ingest"
        month_file(stack.folder / "files", "2021-02")
        runs.requeue(bad.id)
        assert wait_for(runs, bad, RunState.SUCCEEDED).attempt == 2


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_run_whose_worker_was_killed_is_resumed_by_another(stack: Stack, kind: str) -> None:
    with database(kind, stack.folder) as url, ExitStack() as ended:
        engine = open_database(url)
        ended.callback(engine.dispose)
        runs = Runs(engine)
        run = queue_run(runs, stack, rows=60_000)
        with worker(stack, DATABASE_URL=url) as process:
            wait_until(lambda: runs.get(run.id).step in STEPS[-3:], timeout_s=240, what="the run is at training")
            os.killpg(process.pid, signal.SIGKILL)
        assert runs.get(run.id).state is RunState.RUNNING
        with worker(stack, DATABASE_URL=url):
            done = wait_for(runs, run, RunState.SUCCEEDED, RunState.FAILED)
    assert (done.state, done.attempt) == (RunState.SUCCEEDED, 2)
    again = {step.step: step.reused for step in done.steps if step.attempt == 2}
    computed = [name for name, reused in again.items() if not reused]
    # It was at training, or already beyond it, when it was looked at, and is dead a moment later.
    assert computed in (list(STEPS[-3:]), list(STEPS[-2:]), list(STEPS[-1:]))


def test_training_asked_for_over_http_ends_with_a_version(stack: Stack) -> None:
    store = RawStore(stack.folder / "data" / "raw")
    for month in ("2021-01", "2021-02"):
        store.ingest(month_file(stack.folder / "files", month))
    with stack.web(MODELS_DIR=str(stack.folder / "models")), worker(stack), caller(stack) as client:
        wanted = {"train_months": ["2021-01"], "test_months": ["2021-02"], "version": "asked-for"}
        created = client.post("/v1/offline/train", json=wanted)
        assert created.status_code == httpx.codes.ACCEPTED

        def ended() -> bool:
            return client.get(created.headers["Location"]).json()["state"] in ("succeeded", "failed")

        wait_until(ended, timeout_s=240, what="the run ends")
        run = client.get(created.headers["Location"]).json()
    assert (run["state"], run["version"], run["error"]) == ("succeeded", "asked-for", None)
    assert [step["step"] for step in run["steps"]] == list(STEPS)
    assert (stack.folder / "models" / "trip_duration" / "asked-for" / "manifest.json").exists()


def test_a_run_that_a_gate_stops_shows_the_report_over_http(stack: Stack) -> None:
    store = RawStore(stack.folder / "data" / "raw")
    store.ingest(month_file(stack.folder / "files", "2021-01"))
    spoilt = month_file(stack.folder / "files", "2021-02")
    add_nulls(spoilt)
    store.ingest(spoilt)
    with stack.web(MODELS_DIR=str(stack.folder / "models")), worker(stack), caller(stack) as client:
        body = {"train_months": ["2021-01"], "test_months": ["2021-02"]}
        path = client.post("/v1/offline/train", json=body).headers["Location"]
        wait_until(lambda: client.get(path).json()["state"] == "failed", timeout_s=120, what="the run fails")
        run = client.get(path).json()
    assert run["step"] == "check"
    assert "green_tripdata_2021-02.parquet: DOLocationID: share of nulls is 2.33%, allowed: 1.00%" in run["error"]
    assert run["version"] is None
    assert not list((stack.folder / "models").glob("*/*"))


def test_a_scheduler_starts_where_none_has_run_before(stack: Stack) -> None:
    command = [sys.executable, "-m", "celery", "--quiet", "-A", "tasks.pipeline.worker", "beat", "--pidfile="]
    env = stack.env(PIPELINE_SCHEDULE="0 3 5 * *")
    with running(*command, log=stack.folder / "beat.log", env=env, politely=False) as process:
        folder = stack.folder / "data" / "beat"
        wait_until(lambda: process.poll() is not None or list(folder.glob("schedule*")), what="the scheduler starts")
        assert process.poll() is None, (stack.folder / "beat.log").read_text()[-2000:]


@pytest.mark.slow
def test_months_that_appear_in_a_watched_folder_start_one_run_however_many_schedulers_there_are(
    runs: Runs, stack: Stack
) -> None:
    folder = stack.folder / "watched"
    folder.mkdir()
    watching = {"PIPELINE_WATCH": str(folder), "PIPELINE_WATCH_S": "1"}
    with worker(stack, **watching), beat(stack, "one", **watching), beat(stack, "two", **watching):
        (folder / "green_tripdata_2020-12.parquet").write_bytes(b"PAR1")
        for month in ("2021-01", "2021-02"):
            # Whole at once: half a file that nobody goes on with for a second would be refused, too.
            made = month_file(stack.folder / "files", month)
            made.rename(folder / made.name)
        wait_until(runs.newest, timeout_s=240, what="a run starts")
        (run,) = runs.newest()
        done = wait_for(runs, run, RunState.SUCCEEDED, RunState.FAILED)
        looks = len(log_lines(stack, "look_for_data"))
        wait_until(lambda: len(log_lines(stack, "look_for_data")) > looks + 8, timeout_s=240, what="more looks")
    assert (done.state, done.error, done.parameters.test_months) == (RunState.SUCCEEDED, None, ("2021-02",))
    assert len(runs.newest()) == 1
    assert len(log_lines(stack, "refused")) == 1
