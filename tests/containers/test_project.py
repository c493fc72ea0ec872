"""A project of its own: nothing of a `make` above, or of somebody's `.env`, reaches it."""

import subprocess
from pathlib import Path

import pytest

from config import ROOT
from tests.boot.docker.tools import COMPOSE_DIR, tool
from tests.containers.bases import default_names
from tests.containers.engine import Engine
from tests.containers.host import processes_below
from tests.containers.project import Project, create_project, run_group
from tests.e2e.processes import wait_until


def new_project(folder: Path) -> Project:
    return create_project(folder, Engine(docker="docker", own=False, environment={}), tag="mine", redis_image="r:1")


def test_what_a_make_above_hands_down_goes_no_further(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MAKEFLAGS", "ARGS", "HTTP_PORT", "WORKERS"):
        monkeypatch.setenv(name, "from above")
    project = new_project(tmp_path)
    assert "from above" not in project.env.values()
    assert project.env["COMPOSE_PROJECT_NAME"] == project.name
    assert project.env["REDIS_IMAGE"] == "r:1"


def test_somebodys_password_stays_where_it_is(tmp_path: Path) -> None:
    project = new_project(tmp_path)
    names = {path.name for path in Path(project.folder).iterdir()}
    assert names == {path.name for path in COMPOSE_DIR.iterdir()} - {".env"}


def test_another_process_reads_it(tmp_path: Path) -> None:
    project = new_project(tmp_path)
    project.write(tmp_path / "project.json")
    assert Project.read(tmp_path / "project.json") == project


def test_two_projects_share_nothing(tmp_path: Path) -> None:
    projects = [new_project(tmp_path / name) for name in ("a", "b")]
    assert len({project.name for project in projects}) == len({project.folder for project in projects}) == 2


def test_what_takes_too_long_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    # Both shells name the folder on their command lines, however far they come until the time is over.
    command = ["sh", "-c", 'sh -c "sleep 600; :" "$0" & wait', str(tmp_path)]
    with pytest.raises(subprocess.TimeoutExpired):
        run_group(command, env={"PATH": "/usr/bin:/bin"}, timeout_s=2)
    wait_until(lambda: not processes_below(tmp_path), what="what it started is gone")


def test_the_bases_are_those_of_the_makefile_and_of_compose() -> None:
    names = default_names()
    assert names["python"] in (ROOT / "boot/docker/web/Dockerfile").read_text()
    assert names["cuda"] in (ROOT / "boot/docker/worker/Dockerfile").read_text()
    assert f"REDIS_IMAGE={names['redis']}" in (COMPOSE_DIR / ".env.example").read_text()


def test_make_builds_the_images_that_are_named() -> None:
    done = subprocess.run(
        [tool("make"), "--dry-run", "images", "IMAGES=web worker", "DEVICE=cpu", "TAG=t"],
        cwd=ROOT, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "-t tripcast-web:t " in done.stdout
    assert "-t tripcast-worker:t-cpu " in done.stdout
    assert "pipeline" not in done.stdout


def test_make_builds_nothing_for_a_device_that_is_none() -> None:
    done = subprocess.run(
        [tool("make"), "--dry-run", "images", "DEVICE=cuda"],
        cwd=ROOT, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode
    assert "DEVICE=cuda: there is no boot/docker/compose/docker-compose.cuda.yml" in done.stderr
    assert not done.stdout
