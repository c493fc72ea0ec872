"""A web container is well when it can serve predictions."""

import subprocess
import sys

import pytest

from boot.probe.web import complaint
from tests.e2e.processes import ROOT, Stack, free_port, wait_until


def probe(port: int) -> subprocess.CompletedProcess[str]:
    """Run what the container's health check runs."""
    command = [sys.executable, "-m", "boot.probe", "web"]
    return subprocess.run(
        command, cwd=ROOT, env={"HTTP_PORT": str(port)}, capture_output=True, text=True, check=False
    )  # fmt: skip


@pytest.mark.e2e
def test_one_that_serves_is_well(stack: Stack) -> None:
    def well() -> bool:
        done = probe(stack.http_port)
        return (done.returncode, done.stderr) == (0, "")

    # A worker or web server that stands still for a moment is not well, and is so again afterwards.
    wait_until(well, what="the container is well")


@pytest.mark.e2e
def test_one_without_a_worker_says_what_is_missing(own_stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PORT", str(own_stack.http_port))
    with own_stack.broker.running(), own_stack.web():
        wait_until(lambda: "worker" in str(complaint()), what="the worker is missing")


def test_one_that_does_not_answer_is_not_well() -> None:
    done = probe(free_port())
    assert (done.returncode, done.stderr) == (1, "no answer: ConnectionRefusedError\n")


def test_another_word_is_refused() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "boot.probe", "all"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (2, "usage: python -m boot.probe web|worker|pipeline|beat|recorder\n")
