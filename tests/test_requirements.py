"""The lists of requirements: the short ones hold what a kind of process imports, in the versions of the long one."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from config import ROOT

PROCESSES = {
    "web": ("apps.api.main", "boot.uvicorn.worker", "core.managers.run_desk", "alembic.command"),
    "worker": ("tasks.worker", "tasks.trip.tasks", "tasks.sandbox", "core.handlers.trip_duration"),
    "pipeline": ("tasks.pipeline.worker", "tasks.pipeline.tasks", "core.managers.run_execution", "apps.cli.__main__"),
}
"""What a process of each kind imports, at its start or later."""

IMPORT = """
import importlib, importlib.metadata, re, sys
listed, modules = {listed}, {modules}
owners = importlib.metadata.packages_distributions()
class OnlyListed:
    def find_spec(self, name, path=None, target=None):
        names = owners.get(name.partition(".")[0], ())
        if names and not any(re.sub(r"[-_.]+", "-", owner).lower() in listed for owner in names):
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, OnlyListed())
for name in modules:
    importlib.import_module(name)
"""
"""Imports modules as in an environment that holds the listed packages alone."""


def pins(path: Path) -> dict[str, str]:
    found = re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^ ;\n]+)", path.read_text(), re.MULTILINE)
    return {normal(name): version for name, version in found}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def direct() -> set[str]:
    """Return the names of what the project itself depends on; what those import is the resolver's matter."""
    return {normal(re.split(r"[\s\[<>=;]", text, maxsplit=1)[0]) for text in project()["project"]["dependencies"]}


@pytest.mark.parametrize("kind", PROCESSES)
def test_a_short_list_holds_what_its_processes_import(kind: str, tmp_path: Path) -> None:
    listed = pins(ROOT / "requirements" / f"{kind}.txt")
    done = subprocess.run(
        [sys.executable, "-c", IMPORT.format(listed=set(listed), modules=PROCESSES[kind])],
        check=False, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("kind", PROCESSES)
def test_a_short_list_has_the_versions_of_the_long_one(kind: str) -> None:
    long = pins(ROOT / "requirements.txt")
    short = pins(ROOT / "requirements" / f"{kind}.txt")
    assert short
    assert {name: long.get(name) for name in short} == short


def test_neither_web_nor_worker_needs_what_only_training_does() -> None:
    training = {"duckdb", "polars", "pandera", "apache-hamilton", "pandas"}
    assert not training & {*pins(ROOT / "requirements" / "web.txt"), *pins(ROOT / "requirements" / "worker.txt")}
    assert not {"scikit-learn", "numpy"} & set(pins(ROOT / "requirements" / "web.txt"))


def test_only_the_worker_for_gpus_has_a_library_for_them_and_all_else_is_the_workers() -> None:
    gpu = re.compile(r"cupy|cuda|nvidia|torch|nvforest|treelite|numba")
    lists = {path.stem: pins(path) for path in (ROOT / "requirements").glob("*.txt")}
    lists |= {path.stem: pins(path) for path in (ROOT / "requirements.txt", ROOT / "requirements-dev.txt")}
    found = {kind: {name for name in listed if gpu.search(name)} for kind, listed in lists.items()}
    added = {"cupy-cuda12x", "cuda-pathfinder", "nvidia-cuda-nvrtc-cu12", "nvidia-cuda-runtime-cu12"}
    assert {kind for kind, names in found.items() if names} == {"worker-gpu"}
    assert found["worker-gpu"] == added
    assert lists["worker"] == {name: version for name, version in lists["worker-gpu"].items() if name not in added}


def test_the_groups_name_what_the_project_depends_on() -> None:
    for kind in PROCESSES:
        assert {normal(name.partition("[")[0]) for name in project()["dependency-groups"][kind]} <= direct()
