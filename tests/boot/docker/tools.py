"""The tools that containers need, where they are: on the PATH or beside this Python."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Never

import pytest

from config import ROOT

COMPOSE_DIR = ROOT / "boot" / "docker" / "compose"
PROJECT_FILE = "TRIPCAST_CONTAINERS"
"""Name of the variable by which ``make e2e-containers`` hands its project to the tests; then none of them is skipped."""
_PATH = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])


def find_tool(name: str) -> str | None:
    """Return the program's path, None where it is not installed."""
    return shutil.which(name, path=_PATH)


def tool(name: str) -> str:
    """Return the program's path; skip the test where it is not installed, which in CI is a failure."""
    found = find_tool(name)
    if found is None and os.environ.get("CI"):
        pytest.fail(f"{name} is not installed; requirements-dev.txt brings it")
    if found is None:
        give_up(f"{name} is not installed")
    return found


def give_up(reason: str) -> Never:
    """Skip the test; where an engine and images were promised, fail."""
    if PROJECT_FILE in os.environ:
        pytest.fail(reason)
    pytest.skip(reason)


def image(name: str, *, variant: str = "") -> str:
    """Return the name of an image that `make images` built; skip where there is no engine, or no such image."""
    docker = find_tool("docker")
    if docker is None or subprocess.run([docker, "info"], capture_output=True, check=False).returncode:
        give_up("no container engine answers")
    full = f"tripcast-{name}:{os.environ.get('TAG', 'local')}{variant}"
    if subprocess.run([docker, "image", "inspect", full], capture_output=True, check=False).returncode:
        give_up(f"there is no image {full}: make images")
    return full


def run_in(image: str, *command: str, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Run a command in a container of its own, hardened as the compose project does it."""
    hardened = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--network=none")
    return subprocess.run(
        [tool("docker"), "run", "--rm", *hardened, *options, image, *command],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
