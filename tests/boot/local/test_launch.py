"""The whole system on this machine, as ``make run`` starts it, in a copy of the project and on free ports."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import redis

from boot.local.launch import greeting
from boot.local.ports import free_port
from config import ROOT, Settings
from core.managers.raw_store import RawStore
from tests.boot.processes import alive, descendants, get, until
from tests.core.managers.pipeline_files import month_file
from tests.e2e.processes import ANSWER_TIMEOUT_S, complete_lines
from tests.promises import check_time, tried_thrice

COMMAND = (sys.executable, "-m", "boot.local")
PARTS = ("apps", "boot", "core", "tasks", "repo/models")
READY_S = 60.0
TRAINED_S = 240.0
pytestmark = pytest.mark.e2e


class System:
    """A launcher and what it has shown."""

    def __init__(self, directory: Path, **environment: str) -> None:
        self.port = int(environment.setdefault("HTTP_PORT", str(free_port())))
        self.process = subprocess.Popen(
            COMMAND,
            cwd=directory,
            env=_environment(**environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.lines.extend(iter(self.process.stdout.readline, ""))

    def shown(self, text: str) -> bool:
        return text in "".join(self.lines)

    def wait_until_ready(self) -> None:
        until(lambda: self.shown("Ctrl-C stops it") or self.process.poll() is not None, timeout_s=READY_S)
        assert self.process.poll() is None, "".join(self.lines)

    def end(self, number: int) -> None:
        """Send a signal and wait until the launcher is gone."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.wait(timeout=60)
        self._reader.join(timeout=60)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def broker_port(self) -> int:
        """Return the port that was shown."""
        return int(re.findall(r"broker at redis://127.0.0.1:(\d+)/0", "".join(self.lines))[0])

    def child(self, program: str) -> int | None:
        """Return the process id of the live child whose command matches ``program``, None while there is none."""
        for process in psutil.Process(self.process.pid).children():
            try:
                if re.search(program, " ".join(process.cmdline())):
                    return int(process.pid)
            except (psutil.NoSuchProcess, psutil.ZombieProcess):
                continue
        return None

    def predict(self) -> dict[str, Any]:
        """Send the request of the `curl` that was shown."""
        (line,) = (line for line in self.lines if "curl" in line)
        _, _, url, _, header, _, body = shlex.split(line)
        request = urllib.request.Request(url, data=body.encode(), headers=dict([header.split(": ")]))  # noqa: S310
        with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310 (http)
            answer: dict[str, Any] = json.load(response)
            return answer

    def predicts(self) -> bool:
        """Tell whether the request of the `curl` gets its duration now."""
        try:
            return bool(self.predict()["reply_code"] == 0)
        except OSError:  # refused, or no connection
            return False


def _environment(**values: str) -> dict[str, str]:
    """Return an environment in which the user has set ``values`` alone."""
    ours = {name.upper() for name in Settings.model_fields}
    return {**{name: value for name, value in os.environ.items() if name not in ours}, **values}


def _run(directory: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        COMMAND,
        check=False,
        cwd=directory,
        env=_environment(**environment),
        capture_output=True,
        text=True,
        timeout=60,
    )


def wait_until_gone(processes: list[psutil.Process]) -> None:
    """Return once none is left; one that was killed may take a moment to end."""
    until(lambda: not [process for process in processes if alive(process.pid)])


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what runs, so that neither broker data nor logs of this folder are touched."""
    return copy_project(tmp_path_factory.mktemp("project"))


def copy_project(directory: Path) -> Path:
    """Copy what runs into a folder, but for the caches: whoever imports first is writing them."""
    for part in PARTS:
        shutil.copytree(ROOT / part, directory / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "config.py", directory)
    return directory


@pytest.fixture(scope="module")
def system(project: Path) -> Iterator[System]:
    running = System(project)
    try:
        running.wait_until_ready()
        yield running
    finally:
        running.end(signal.SIGTERM)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of its own, for a test that starts a system of its own."""
    return copy_project(tmp_path / "copy")


def test_the_curl_that_is_shown_answers_a_duration(system: System) -> None:
    answer = system.predict()

    assert answer["reply_code"] == 0
    assert 1 < answer["duration"] < 60


def test_the_documentation_is_where_it_says(system: System) -> None:
    (line,) = (line for line in system.lines if "Docs" in line)

    assert line.split()[-1] == f"http://127.0.0.1:{system.port}/docs"
    until(lambda: get(system.port, "/docs") == 200)


def test_commands_find_the_system_of_their_folder(system: System, project: Path) -> None:
    (line,) = (line for line in system.lines if "apps.cli" in line)
    command = (*shlex.split(line)[:-1], "models", "deploy", "2021-01-boosted-485f1362", "--why", "it is this system's")
    done = subprocess.run(
        command, check=False, cwd=project, env=_environment(), capture_output=True, text=True, timeout=60
    )

    assert (done.returncode, done.stderr) == (0, "")
    with redis.Redis(port=system.broker_port()) as board:
        assert json.loads(str(board.hget("tripcast:routes", "trip_duration"), "utf-8"))["revision"] >= 1


def test_a_second_launcher_is_refused_in_one_line(system: System, project: Path, copy: Path) -> None:
    same, same_data = (_run(project, HTTP_PORT=str(port)) for port in (system.port, free_port()))
    same_port = _run(copy, HTTP_PORT=str(system.port))

    assert (same.returncode, same_data.returncode, same_port.returncode) == (1, 1, 1)
    assert re.fullmatch(rf"Already running: process {system.process.pid} uses .*\n", same.stderr)
    assert same_data.stderr == same.stderr
    assert re.fullmatch(rf"Port {system.port} is in use .*\n", same_port.stderr)


@pytest.mark.parametrize(
    "program", ["-A tasks.worker", "-A tasks.pipeline.worker", "-m gunicorn", "(valkey|redis)-server"]
)
def test_each_part_is_back_after_it_was_killed(system: System, program: str) -> None:
    # What nobody waits for is started after the launcher has said that all is ready.
    until(lambda: system.child(program) is not None)
    victim = system.child(program)
    assert victim is not None
    os.kill(victim, signal.SIGKILL)
    until(lambda: system.child(program) not in {None, victim})

    # What is missing may be noticed a moment later: ready is what it says, a duration is what it gives.
    until(lambda: get(system.port, "/health/ready") == 200 and system.predicts(), timeout_s=READY_S)


def test_training_asked_for_over_http_ends_with_a_version(system: System, project: Path) -> None:
    store = RawStore(project / "repo" / "data" / "raw")
    for month in ("2021-01", "2021-02"):
        store.ingest(month_file(project / "files", month))
    base = f"http://127.0.0.1:{system.port}"
    body = {"train_months": ["2021-01"], "test_months": ["2021-02"], "version": "asked-for"}
    with httpx.Client(base_url=base, timeout=ANSWER_TIMEOUT_S) as client:
        path = client.post("/v1/offline/train", json=body).headers["Location"]
        until(lambda: client.get(path).json()["state"] in ("succeeded", "failed"), timeout_s=TRAINED_S)
        error = client.get(path).json()["error"]

    assert error is None
    assert (project / "repo" / "models" / "trip_duration" / "asked-for" / "manifest.json").exists()


def test_logs_of_web_and_worker_are_files_of_json_lines(system: System, project: Path) -> None:
    for folder in ("apps/api", "tasks/trip"):
        files = list((project / "repo" / "logs" / folder).glob("*.jsonl"))
        lines = [json.loads(line) for file in files for line in complete_lines(file)]
        assert lines, folder
        assert all(line["message"] for line in lines)
    assert system.shown("worker-1 |")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@tried_thrice
def test_a_signal_stops_everything_within_ten_seconds(copy: Path, number: int) -> None:
    system = System(copy, WEB_WORKERS="2")
    try:
        system.wait_until_ready()
        processes = descendants(system.process.pid)
        started = time.monotonic()
    finally:
        system.end(number)

    wait_until_gone(processes)
    check_time(time.monotonic() - started, 10, what="the end")
    assert system.process.returncode == 0
    assert len(processes) >= 5


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent died")
def test_a_killed_launcher_leaves_nothing_behind(copy: Path) -> None:
    system = System(copy)
    try:
        system.wait_until_ready()
        processes = descendants(system.process.pid)
    finally:
        system.process.kill()
        system.process.wait()

    wait_until_gone(processes)
    system.end(signal.SIGKILL)


def test_a_part_that_cannot_start_ends_the_launcher_with_one_line(copy: Path) -> None:
    (copy / "tasks" / "worker.py").write_text("raise SystemExit('no model')\n")
    done = _run(copy, HTTP_PORT=str(free_port()), PIPELINE_WORKERS="0")

    assert done.returncode == 1
    assert done.stderr == "worker-1 died 5 times in a row at its start: no model\n"


def test_a_signal_during_the_start_stops_what_was_started(copy: Path) -> None:
    # Its worker never comes up: the start is under way whenever the signal comes.
    (copy / "tasks" / "worker.py").write_text("import time\ntime.sleep(600)\n")
    system = System(copy, REDIS_PORT=str(free_port()))
    try:
        until(lambda: system.shown("broker at"), timeout_s=READY_S)
        processes = descendants(system.process.pid)
    finally:
        system.end(signal.SIGHUP)

    assert system.process.returncode == 0
    assert processes
    wait_until_gone(processes)
    assert not system.shown("ready after")


def test_a_wrong_setting_is_one_line_that_names_it(project: Path) -> None:
    done = _run(project, HTTP_PORT="eighty")

    assert done.returncode == 1
    assert done.stderr.startswith("HTTP_PORT: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(("host", "base"), [("127.0.0.1", "http://127.0.0.1:9000"), ("::1", "http://[::1]:9000")])
def test_the_greeting_shows_addresses_that_can_be_copied(host: str, base: str) -> None:
    text = greeting(Settings(_env_file=None, http_port=9000), host=host)

    assert f"API    {base}/v1/trip/predict" in text
    assert f"curl -s {base}/v1/trip/predict -H " in text
