"""A worker's container is well while its heartbeats reach Redis, and says what is wrong otherwise."""

import json
from pathlib import Path

import pytest
import time_machine

from boot.probe.worker import FRESH_S, complaint
from tests.e2e.processes import Stack, wait_until

BEAT = {"models": {"trip_duration": ["v"]}, "draining": False}


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "heartbeat.json"
    monkeypatch.setenv("HEARTBEAT_FILE", str(path))
    return path


def complaint_after(file: Path, seconds: float) -> str | None:
    """Return the complaint so long after the last heartbeat, however long this process stands still meanwhile."""
    with time_machine.travel(file.stat().st_mtime + seconds, tick=False):
        return complaint()


def test_a_fresh_heartbeat_with_a_model_is_well(file: Path) -> None:
    file.write_text(json.dumps(BEAT))
    assert complaint_after(file, FRESH_S - 1) is None


def test_without_a_heartbeat_it_is_not(file: Path) -> None:
    assert complaint() == f"{file}: No such file or directory"


def test_an_old_heartbeat_is_none(file: Path) -> None:
    file.write_text(json.dumps(BEAT))
    assert "old" in str(complaint_after(file, FRESH_S + 1))


@pytest.mark.parametrize(("change", "said"), [({"draining": True}, "draining"), ({"models": {}}, "no model")])
def test_one_that_takes_no_work_is_not_well(file: Path, change: dict[str, object], said: str) -> None:
    file.write_text(json.dumps({**BEAT, **change}))
    assert complaint_after(file, 0) == said


def test_without_the_setting_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HEARTBEAT_FILE", raising=False)
    assert complaint() == "HEARTBEAT_FILE is not set"


@pytest.mark.e2e
@pytest.mark.slow
def test_a_real_worker_is_well_until_its_broker_is_gone(own_stack: Stack, file: Path) -> None:
    with own_stack.broker.running() as broker, own_stack.worker(HEARTBEAT_FILE=str(file)):
        wait_until(lambda: complaint() is None, timeout_s=60, what="the worker is well")
        broker.kill()
        broker.wait()
        wait_until(lambda: "old" in str(complaint()), timeout_s=60, what="it is not")
