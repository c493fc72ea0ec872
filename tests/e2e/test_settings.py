"""A wrong setting stops a process at its start, with one line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.processes import ROOT

pytestmark = pytest.mark.e2e

COMMANDS = {
    "web": ["-m", "gunicorn", "-c", "boot/uvicorn/config.py"],
    "worker": ["-m", "celery", "-A", "tasks.worker", "worker", "-P", "gevent", "-Q", "tasks.trip"],
}
WRONG = {
    "HTTP_PORT": "swordfish",
    "REQUEST_TIMEOUT_S": "-1",
    "LOG_LEVEL": "swordfish",
    "CELERY_RESULT_BACKEND": "amqp://me:swordfish@nowhere",
}


@pytest.mark.parametrize(("name", "value"), WRONG.items())
@pytest.mark.parametrize("process", COMMANDS)
def test_a_wrong_setting_is_named_in_one_line(process: str, name: str, value: str, tmp_path: Path) -> None:
    environment = {**os.environ, "LOG_DIR": str(tmp_path), name: value}

    done = subprocess.run(
        [sys.executable, *COMMANDS[process]],
        cwd=ROOT,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )

    said = (done.stdout + done.stderr).strip()
    assert done.returncode == 1
    assert said.count("\n") == 0, said
    assert name in said
    assert "swordfish" not in said
