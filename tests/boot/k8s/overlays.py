"""The overlays as kustomize renders them."""

import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from config import ROOT
from tests.boot.docker.tools import tool

FOLDER = ROOT / "boot" / "k8s"
OVERLAYS = tuple(sorted(path.name for path in (FOLDER / "overlays").iterdir()))
FULL = "full"
"""The overlay with every component but the one that scales to zero."""
WORKLOADS = {"Deployment", "StatefulSet"}


@cache
def render(folder: Path) -> str:
    """Return what `kubectl apply -k` would apply."""
    done = subprocess.run([tool("kubectl"), "kustomize", folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def objects(overlay: str, kind: str | None = None) -> list[dict[str, Any]]:
    """Return the objects of an overlay, of one kind or all."""
    return [item for item in _parsed(overlay) if kind in {None, item["kind"]}]


@cache
def _parsed(overlay: str) -> tuple[dict[str, Any], ...]:
    return tuple(yaml.safe_load_all(render(FOLDER / "overlays" / overlay)))


def named(overlay: str, kind: str, name: str) -> dict[str, Any]:
    """Return one object."""
    [found] = [item for item in objects(overlay, kind) if item["metadata"]["name"] == name]
    return found


def pods(overlay: str) -> dict[str, dict[str, Any]]:
    """Return the templates of the pods, by the name of what makes them."""
    found = [item for item in objects(overlay) if item["kind"] in WORKLOADS]
    return {item["metadata"]["name"]: item["spec"]["template"] for item in found}
