"""A pipeline worker's container is well when the worker answers through its broker."""

import socket
import sys
from pathlib import Path

import pytest

from boot.local.children import pipeline_command
from boot.probe.pipeline import complaint
from config import load_settings
from tests.e2e.processes import Stack, running, wait_until


@pytest.fixture
def own(own_stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Stack:
    for name, value in own_stack.env().items():
        monkeypatch.setenv(name, value)
    return own_stack


@pytest.mark.e2e
def test_it_answers_once_it_runs(own: Stack, tmp_path: Path) -> None:
    command = pipeline_command(number=1)
    name = command.index("-n") + 1
    command = (sys.executable, *command[1:name], "pipeline@%h")
    with own.broker.running():
        assert complaint() == f"pipeline@{socket.gethostname()} does not answer"
        with running(*command, log=tmp_path / "pipeline.log", politely=False):
            wait_until(lambda: complaint() is None, timeout_s=60, what="the pipeline worker answers")


def test_without_a_broker_it_says_so(own: Stack) -> None:
    assert load_settings().pipeline_url.endswith("/1")
    assert str(complaint()).startswith("broker: ")
