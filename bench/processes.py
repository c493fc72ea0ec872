"""The processes of a contender: started, found again by what they do, measured, ended."""

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from boot.tether import tethered
from config import ROOT, Settings

GRACE_S = 1.0
"""After it a process is asked a second time, which a launcher takes as a wish to stop at once, and then killed."""
MEBIBYTE = 1024 * 1024
_KINDS = {"gunicorn": "web", "celery": "worker", "apps.recorder": "recorder"}
"""What the command line of a launcher's child says that it is."""


@dataclass(frozen=True, kw_only=True)
class Usage:
    """CPU seconds so far and resident memory now, by kind of process; ``pids`` are the processes counted."""

    cpu_s: dict[str, float]
    resident_mib: dict[str, list[float]]
    pids: frozenset[int]


def environment(**settings: str) -> dict[str, str]:
    """Return the environment of a contender: no setting of whoever runs the benchmark, one thread for numerics."""
    names = {name.upper() for name in Settings.model_fields}
    inherited = {name: value for name, value in os.environ.items() if name not in names}
    return {**inherited, "OMP_NUM_THREADS": "1", **settings}


@contextmanager
def running(*command: str, log: Path, env: Mapping[str, str], folder: Path = ROOT) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command in ``folder``; end it and all that it started on leaving, or when this process is killed."""
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 (our own command)
            tethered(command),
            cwd=folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and its descendants: politely, urgently, then by force."""
    family = _family(process.pid)
    for _ in range(2):
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_S)
            break
    for member in family:
        with suppress(psutil.NoSuchProcess):
            member.kill()
    process.wait()
    psutil.wait_procs(family, timeout=GRACE_S)


def usage(roots: Mapping[str, int]) -> Usage:
    """Measure the processes that started as ``roots``, kind to process id, and all that they started.

    The children of a ``launcher`` are told apart by their command lines.
    """
    kinds: dict[str, list[psutil.Process]] = {}
    for kind, root in roots.items():
        for process in _family(root):
            kinds.setdefault(_kind(process, root) if kind == "launcher" else kind, []).append(process)
    cpu, memory, pids = {}, {}, set()
    for kind, processes in kinds.items():
        times = [process.cpu_times() for process in processes]
        cpu[kind] = sum(time.user + time.system for time in times)
        memory[kind] = sorted((process.memory_info().rss / MEBIBYTE for process in processes), reverse=True)
        pids |= {process.pid for process in processes}
    return Usage(cpu_s=cpu, resident_mib=memory, pids=frozenset(pids))


def _family(root: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(root)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _kind(process: psutil.Process, launcher: int) -> str:
    """Return what a process of the launcher is: it, or the child of it that this one descends from."""
    while process.pid != launcher:
        command = " ".join(process.cmdline())
        for word, kind in _KINDS.items():
            if word in command:
                return kind
        parent = process.parent()
        if parent is None:
            break
        process = parent
    return "launcher"
