"""The recorder's container is well while the recorder comes through its turns."""

import os
import sys
import time
from pathlib import Path

import pytest

from boot.probe.recorder import FRESH_S, complaint
from tests.e2e.processes import Stack, running, wait_until


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "heartbeat.json"
    monkeypatch.setenv("HEARTBEAT_FILE", str(path))
    return path


def let_time_pass(file: Path) -> None:
    """Make the last sign of life an old one."""
    old = time.time() - FRESH_S - 5
    os.utime(file, (old, old))


def test_without_a_sign_of_life_it_is_not_well(file: Path) -> None:
    assert complaint() == f"{file}: No such file or directory"


def test_without_the_setting_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HEARTBEAT_FILE", raising=False)
    assert complaint() == "HEARTBEAT_FILE is not set"


@pytest.mark.e2e
@pytest.mark.slow
def test_a_real_recorder_and_one_that_waits_for_it_are_well_until_redis_is_gone(own_stack: Stack, file: Path) -> None:
    other = file.with_name("other.json")
    command = (sys.executable, "-m", "apps.recorder")
    log = own_stack.folder / "recorder.log"
    env, waiting = own_stack.env(), own_stack.env(HEARTBEAT_FILE=str(other))
    with (
        own_stack.broker.running() as broker,
        running(*command, log=log, env=env, politely=False),
        running(*command, log=log, env=waiting, politely=False),
    ):
        wait_until(lambda: complaint() is None, timeout_s=60, what="the recorder is well")
        wait_until(other.exists, timeout_s=60, what="the other one is, too")
        let_time_pass(file)
        wait_until(lambda: complaint() is None, timeout_s=60, what="a turn renews the sign")
        broker.kill()
        broker.wait()

        def silent() -> bool:
            """Tell whether no turn follows: one that was under way may still end."""
            let_time_pass(file)
            time.sleep(2)
            return "ago" in str(complaint())

        wait_until(silent, timeout_s=60, what="it is not well without Redis")
