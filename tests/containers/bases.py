"""The images that ours are built on: the real ones where a registry gives them, else stand-ins made here."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from config import ROOT
from tests.containers.engine import Engine
from tests.containers.standins import make_standins

PULL_TIMEOUT_S = 300.0
ANSWER_TIMEOUT_S = 20.0
"""A registry that has not said within this time whether it has an image is taken for none."""
KINDS = ("python", "cuda", "redis")


@dataclass(frozen=True, kw_only=True)
class Bases:
    """Names of the base images.

    Parameters
    ----------
    origin : str
        What they are, for the report.
    ours : tuple of str
        Those that were made or pulled here.
    """

    python: str
    cuda: str
    redis: str
    origin: str
    ours: tuple[str, ...]


def default_names() -> dict[str, str]:
    """Return the names that the Makefile and compose use, by kind."""
    makefile = (ROOT / "Makefile").read_text()
    compose = (ROOT / "boot" / "docker" / "compose" / "docker-compose.yml").read_text()
    found = dict(re.findall(r"^(\w+)_IMAGE \?= (\S+)$", makefile, re.MULTILINE))
    [redis] = set(re.findall(r"\$\{REDIS_IMAGE:-([^}]+)\}", compose))
    return {"python": found["PYTHON"], "cuda": found["CUDA"], "redis": redis}


@contextmanager
def base_images(engine: Engine, folder: Path) -> Iterator[Bases]:
    """Pull what is not there, or make stand-ins under names of their own; what was added goes again."""
    names = default_names()
    missing = [name for name in names.values() if engine.try_("image", "inspect", name).returncode]
    pulled = _pull(engine, missing)
    if pulled is not None:
        bases = Bases(**names, origin="the real ones", ours=tuple(pulled))
    else:
        made = make_standins(engine, folder)
        bases = Bases(**made.names, origin=f"stand-ins made from {made.system}, as no registry answers", ours=made.all)
    try:
        yield bases
    finally:
        if not engine.own and bases.ours:
            engine.try_("image", "rm", "--force", *bases.ours)


def _pull(engine: Engine, names: list[str]) -> list[str] | None:
    """Return the images that were pulled; None, and none of them is left, if one cannot be had."""
    pulled: list[str] = []
    for name in names:
        if not (_has(engine, name) and _ends_well(engine, "pull", "--quiet", name, timeout_s=PULL_TIMEOUT_S)):
            if pulled:
                engine.try_("image", "rm", *pulled)
            return None
        pulled.append(name)
    return pulled


def _has(engine: Engine, name: str) -> bool:
    """Tell whether a registry that answers has an image; nothing is downloaded."""
    return _ends_well(engine, "manifest", "inspect", name, timeout_s=ANSWER_TIMEOUT_S)


def _ends_well(engine: Engine, *arguments: str, timeout_s: float) -> bool:
    try:
        return engine.try_(*arguments, timeout_s=timeout_s).returncode == 0
    except subprocess.TimeoutExpired:
        return False
