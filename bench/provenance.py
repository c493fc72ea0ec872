"""Where figures come from: the machine, the versions, the commit, the command."""

import importlib.metadata
import os
import platform
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import psutil
from pydantic import BaseModel, ConfigDict

from boot.local.broker import find_server, flavour
from config import ROOT

PACKAGES = (
    "fastapi",
    "pydantic",
    "uvicorn",
    "uvloop",
    "gunicorn",
    "celery",
    "gevent",
    "redis",
    "scikit-learn",
    "numpy",
)
BUSY_LOAD_PER_CORE = 0.2
GIBIBYTE = 1024**3


class Provenance(BaseModel):
    """What one must know to judge a figure, and to make it again."""

    model_config = ConfigDict(frozen=True)

    commit: str
    dirty: bool
    """Whether the working tree held changes that the commit does not."""
    command: str
    started_at: datetime
    processor: str
    cores: int
    memory_gib: float
    system: str
    python: str
    versions: dict[str, str]
    load_before: float
    """Load average over a minute when the run began: other programs' work."""

    def warnings(self) -> list[str]:
        """Return what makes the figures doubtful."""
        found = []
        if self.load_before > BUSY_LOAD_PER_CORE * self.cores:
            found.append(f"the machine was not idle: load {self.load_before:.1f} on {self.cores} cores")
        if self.dirty:
            found.append("the working tree held uncommitted changes")
        return found


def gather() -> Provenance:
    """Look around."""
    versions = {name: importlib.metadata.version(name) for name in PACKAGES}
    return Provenance(
        commit=git("rev-parse", "--short=12", "HEAD"),
        dirty=bool(git("status", "--porcelain")),
        command=f"python -m bench {shlex.join(sys.argv[1:])}".strip(),
        started_at=datetime.now(UTC),
        processor=_processor(),
        cores=os.cpu_count() or 1,
        memory_gib=round(psutil.virtual_memory().total / GIBIBYTE, 1),
        system=platform.platform(),
        python=platform.python_version(),
        versions={**versions, "broker": flavour(find_server()), "wrk": _wrk_version()},
        load_before=os.getloadavg()[0],
    )


def git(*arguments: str, folder: Path = ROOT) -> str:
    """Return what a git command prints; empty where there is no repository."""
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603, S607
    return done.stdout.strip() if done.returncode == 0 else ""


def _processor() -> str:
    """Return the processor's name as the system tells it."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _wrk_version() -> str:
    """Return the version, which wrk prints with its usage and a failure."""
    shown = subprocess.run(["wrk", "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S607
    return " ".join(shown.split()[1:2])
