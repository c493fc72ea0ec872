"""The web server as gunicorn runs it: real processes on a free port."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from boot.local.ports import LOOPBACK, free_port
from config import ROOT
from tests.boot.processes import alive, descendants, get, until

COMMAND = (sys.executable, "-m", "gunicorn", "-c", "boot/uvicorn/config.py")
PASSWORD = "s3cret-of-the-broker"  # noqa: S105 (nobody's)


def _environment(logs: Path, **values: str) -> dict[str, str]:
    # Nothing listens there: the web server must live without its broker.
    nowhere = f"redis://:{PASSWORD}@{LOOPBACK}:{free_port()}/0"
    own = {"LOG_DIR": str(logs), "CELERY_BROKER_URL": nowhere, "CELERY_RESULT_BACKEND": nowhere, "WEB_WORKERS": "2"}
    return {**os.environ, **own, **values}


@pytest.fixture
def web(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A web server with two processes, and its port."""
    port = free_port()
    process = subprocess.Popen(
        COMMAND,
        cwd=ROOT,
        env=_environment(tmp_path, HTTP_PORT=str(port)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        until(lambda: get(port, "/health/live") == 200)
        yield process, port
    finally:
        process.terminate()
        process.communicate(timeout=30)


@pytest.mark.e2e
def test_each_process_logs_json_to_a_file_of_its_own_without_the_brokers_password(
    web: tuple[subprocess.Popen[str], int], tmp_path: Path
) -> None:
    process, _ = web
    until(lambda: len(descendants(process.pid)) == 2)
    pids = {process.pid, *(worker.pid for worker in descendants(process.pid))}
    # A process opens its file, and writes its first line, some time after it was forked.
    until(lambda: {_writer(file) for file in _files(tmp_path) if file.stat().st_size} >= pids)
    process.terminate()
    shown, _ = process.communicate(timeout=30)

    files = _files(tmp_path)
    lines = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    assert {_writer(file) for file in files} == pids
    assert {line["pid"] for line in lines if line["process"] == "web"} < pids
    assert {line["logger"] for line in lines} >= {"gunicorn.error", "uvicorn.error"}
    assert PASSWORD not in shown + "".join(file.read_text() for file in files)


def _files(logs: Path) -> list[Path]:
    return list((logs / "apps" / "api").iterdir())


def _writer(file: Path) -> int:
    """Return the process whose log it is."""
    return int(file.stem.rpartition("-")[2])


@pytest.mark.e2e
def test_a_stopped_server_ends_well_and_frees_its_port(web: tuple[subprocess.Popen[str], int]) -> None:
    process, port = web
    process.terminate()
    process.communicate(timeout=30)

    assert process.returncode == 0
    until(lambda: get(port, "/health/live") is None)


@pytest.mark.e2e
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the next beat notices, after 15 s")
def test_web_processes_end_when_their_master_is_killed(web: tuple[subprocess.Popen[str], int]) -> None:
    process, port = web
    workers = descendants(process.pid)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()

    until(lambda: not any(alive(worker.pid) for worker in workers))
    # One may have been forked after they were listed.
    until(lambda: get(port, "/health/live") is None)


def test_a_wrong_setting_is_one_line_that_names_it(tmp_path: Path) -> None:
    done = subprocess.run(
        COMMAND,
        check=False,
        cwd=ROOT,
        env=_environment(tmp_path, WEB_WORKERS="none"),
        capture_output=True,
        text=True,
        timeout=30,
    )

    assert done.returncode == 1
    assert done.stderr.startswith("WEB_WORKERS: ")
    assert done.stderr.count("\n") == 1
