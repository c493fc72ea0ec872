"""Schemathesis against the live server: it answers what its OpenAPI document promises, and nothing else."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos.standstill import STILL_S, Standstill
from tests.e2e.processes import ROOT, Stack

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(900)]

CONFIGURATION = """
[checks]
# A tiny X-Request-Timeout is valid, and 504 its right answer; who may be told 503 is looked at below.
not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", 503, 504]

[[operations]]
include-name-regex = "POST /v1/offline/.*"
# No schema can say that every test month lies after every training month.
checks.positive_data_acceptance.expected-statuses = ["2xx", 400]

[[operations]]
include-name-regex = "POST /v1/models/.*/diff"
# Nor that the versions differ, that `on` is a period, and that either it or `last` is given.
# No recorder runs here.
checks.positive_data_acceptance.expected-statuses = ["2xx", 400, 404, 503]
"""
OPTIONS = ["--checks", "all", "--max-examples", "30", "--seed", "20210131", "--continue-on-failure"]


def test_the_server_keeps_every_promise_of_its_openapi_document(stack: Stack, tmp_path: Path) -> None:
    check(stack, tmp_path)


def test_so_it_does_for_those_who_have_the_key(own_stack: Stack, tmp_path: Path) -> None:
    models = tmp_path / "models"
    options = ["--include-tag", "models", "-H", "X-API-Key: swordfish", "--max-examples", "15"]
    shutil.copytree(ROOT / "repo" / "models", models)
    with own_stack.running(worker={"MODELS_DIR": str(models)}, MODELS_DIR=str(models), ADMIN_API_KEY="swordfish"):
        # What needs the key; the rest is looked at above.
        check(own_stack, tmp_path, *options, tag="models")


def check(stack: Stack, folder: Path, *options: str, tag: str | None = None) -> None:
    """Let schemathesis call every operation, or those of a tag."""
    configuration = folder / "schemathesis.toml"
    configuration.write_text(CONFIGURATION)
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(configuration), "--no-color", "run"]
    before, standstill = refusals(stack), Standstill(stack.broker)
    with standstill.watched():
        done = subprocess.run(
            [*command, f"{stack.url}/openapi.json", *OPTIONS, *options],
            cwd=folder,
            check=False,
            capture_output=True,
            text=True,
            timeout=800,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    document = stack.get("/openapi.json").json()
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    tested = [operation for operation in operations if tag is None or tag in operation["tags"]]
    assert f"Tested: {len(tested)}" in done.stdout
    assert refusals(stack) == before or standstill.longest_s > STILL_S


def refusals(stack: Stack) -> int:
    """Return how often callers were told that no broker or worker is there."""
    away = ("BrokerUnavailableError", "NoWorkerError")
    return sum(line["message"].startswith(away) for line in stack.log_lines("apps/api"))
