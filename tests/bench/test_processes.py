import os
import sys
from pathlib import Path

import psutil
import pytest

from bench.processes import environment, running, usage
from tests.boot.processes import alive
from tests.e2e.processes import wait_until

# The system tells user and system time in whole hundredths, each rounded down: a little more is burnt than is asked for.
BUSY = "import time\nend = time.process_time() + 0.25\nwhile time.process_time() < end: pass\nprint('done', flush=True); time.sleep(60)"
STUBBORN = (
    "import signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], start_new_session=True); time.sleep(60)"
)


def test_cpu_time_and_memory_are_counted_by_kind_of_process(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with running(sys.executable, "-c", BUSY, log=log, env=environment()) as process:
        wait_until(lambda: "done" in log.read_text(), what="it has burnt its time")
        found = usage({"web": process.pid})

    assert found.cpu_s["web"] >= 0.2
    assert found.resident_mib["web"][0] > 1
    assert found.pids == {process.pid}


def test_a_launchers_children_are_told_apart(tmp_path: Path) -> None:
    start = (
        "import subprocess, sys, time; [subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)', name])"
    )
    start += " for name in ('gunicorn', 'celery')]; time.sleep(60)"
    with running(sys.executable, "-c", start, log=tmp_path / "log", env=environment()) as process:
        wait_until(lambda: len(psutil.Process(process.pid).children()) == 2, what="both children run")
        wait_until(lambda: len(usage({"launcher": process.pid}).cpu_s) == 3, what="both have their command lines")
        found = usage({"launcher": process.pid})

    assert set(found.cpu_s) == {"launcher", "web", "worker"}


def test_what_ignores_the_wish_to_stop_is_killed_with_all_its_children(tmp_path: Path) -> None:
    with running(sys.executable, "-c", STUBBORN, log=tmp_path / "log", env=environment()) as process:
        wait_until(lambda: psutil.Process(process.pid).children(), what="the child runs")
        family = [process.pid, *(child.pid for child in psutil.Process(process.pid).children())]

    wait_until(lambda: not any(alive(pid) for pid in family), timeout_s=30, what="all are gone")


def test_no_setting_of_the_person_who_measures_gets_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKERS", "7")
    monkeypatch.setenv("OMP_NUM_THREADS", "8")

    found = environment(HTTP_PORT="1")

    assert "WORKERS" not in found
    assert (found["OMP_NUM_THREADS"], found["HTTP_PORT"]) == ("1", "1")
    assert found["PATH"] == os.environ["PATH"]
