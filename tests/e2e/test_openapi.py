"""Schemathesis against the live server: it answers what its OpenAPI document promises, and nothing else."""

import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.e2e.processes import Stack

pytestmark = pytest.mark.e2e

CONFIGURATION = """
[checks]
# A tiny X-Request-Timeout is valid, and 504 its right answer.
not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", 504]

[[operations]]
include-name-regex = "POST /v1/offline/.*"
# No schema can say that every test month lies after every training month.
checks.positive_data_acceptance.expected-statuses = ["2xx", 400]
"""
OPTIONS = ["--checks", "all", "--max-examples", "50", "--seed", "20210131", "--continue-on-failure"]


@pytest.mark.slow
def test_the_server_keeps_every_promise_of_its_openapi_document(stack: Stack, tmp_path: Path) -> None:
    configuration = tmp_path / "schemathesis.toml"
    configuration.write_text(CONFIGURATION)
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(configuration), "--no-color", "run"]

    done = subprocess.run(
        [*command, f"{stack.url}/openapi.json", *OPTIONS],
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
        timeout=100,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    document = httpx.get(f"{stack.url}/openapi.json").json()
    operations = sum(len(path) for path in document["paths"].values())
    assert f"Tested: {operations}" in done.stdout
