"""Beat's container is well while it answers through its broker, which a scheduler that hangs keeps it from."""

import signal
import socket
from pathlib import Path

import pytest

from boot.local.children import beat_children
from boot.probe.beat import complaint
from config import ROOT, load_settings
from tasks.pipeline.app import BEAT_LOOP_S, BEAT_SILENCE_S
from tests.e2e.processes import Stack, running, wait_until

NODE = f"celerybeat@{socket.gethostname()}"


@pytest.fixture
def own(own_stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Stack:
    for name, value in own_stack.env(PIPELINE_SCHEDULE="0 3 5 * *").items():
        monkeypatch.setenv(name, value)
    return own_stack


@pytest.mark.e2e
@pytest.mark.slow
def test_it_answers_while_it_runs(own: Stack, tmp_path: Path) -> None:
    [child] = beat_children(load_settings(), directory=ROOT, environment={})
    with own.broker.running():
        assert complaint() == f"{NODE} does not answer"
        with running(*child.command, log=tmp_path / "beat.log", politely=False) as beat:
            wait_until(lambda: complaint() is None, timeout_s=60, what="beat answers")
            beat.send_signal(signal.SIGSTOP)
            assert complaint() == f"{NODE} does not answer"
            beat.send_signal(signal.SIGCONT)
            wait_until(lambda: complaint() is None, timeout_s=60, what="beat answers again")


def test_it_is_not_taken_for_dead_between_two_looks_at_its_schedule() -> None:
    assert 2 * BEAT_LOOP_S < BEAT_SILENCE_S
