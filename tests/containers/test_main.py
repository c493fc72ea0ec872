"""Where no engine can be had, the program says so in one line; only ``--required`` makes that a failure."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from config import ROOT


def run_without_docker(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.containers", *arguments],
        cwd=ROOT, env={**os.environ, "PATH": str(folder)}, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("arguments", "code"), [((), 0), (("--quick", "--required"), 1)])
def test_without_an_engine_it_says_so(tmp_path: Path, arguments: tuple[str, ...], code: int) -> None:
    done = run_without_docker(tmp_path, *arguments)
    assert (done.returncode, done.stdout) == (code, "skipped: docker is not installed\n"), done.stderr
