"""A container engine: the one that runs, or one of our own that is gone afterwards."""

import json
import os
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.containers.host import Host, end_below, mounts_below, processes_below, unmount_below
from tests.e2e.processes import wait_until
from tests.promises import LateError

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 60.0
FOLDERS = Path("/var/tmp")
"""Where an engine of our own keeps its data; images are too large for a file system in memory."""
NEEDED_BYTES = 8_000_000_000
AS_MANY_FILES = 'ulimit -n 1048576 2>/dev/null || ulimit -n "$(ulimit -H -n)"; exec "$@"'
"""The proxy of a published port ends when it may open no more files, and takes six for each connection.

The number is that of the engine's own unit for systemd.
"""


class NoEngineError(Exception):
    """Raised when no engine can be had; the message says why, for whoever reads the output."""


class EngineError(Exception):
    """Raised when the engine, or a tool that talks to it, refused a command."""


@dataclass(frozen=True, kw_only=True)
class Engine:
    """How to talk to an engine.

    Parameters
    ----------
    docker : str
        Path of the client.
    own : bool
        Whether it was started here, and ends with us.
    environment : mapping of str to str
        What its clients need beside the environment of this process.
    start_s : float
        How long it took to come up; 0 where it ran already.
    folder : Path, optional
        Of all its files, where it is our own.
    """

    docker: str
    own: bool
    environment: Mapping[str, str]
    start_s: float = 0.0
    folder: Path | None = None

    def try_(self, *arguments: str, timeout_s: float = 120.0) -> subprocess.CompletedProcess[str]:
        """Run a command of docker, whatever comes of it."""
        return subprocess.run(
            [self.docker, *arguments], env={**os.environ, **self.environment},
            capture_output=True, text=True, check=False, timeout=timeout_s,
        )  # fmt: skip

    def do(self, *arguments: str, timeout_s: float = 120.0) -> str:
        """Return what a command of docker prints.

        Raises
        ------
        EngineError
            If it fails, or takes longer.
        """
        try:
            done = self.try_(*arguments, timeout_s=timeout_s)
        except subprocess.TimeoutExpired:
            raise EngineError(f"docker {' '.join(arguments)}: takes longer than {timeout_s:g} s") from None
        if done.returncode:
            raise EngineError(f"docker {' '.join(arguments)}: {(done.stderr or done.stdout).strip()[-2000:]}")
        return done.stdout.strip()

    def inspect(self, *names: str) -> list[dict[str, Any]]:
        """Return what the engine knows of containers, images or networks."""
        found: list[dict[str, Any]] = json.loads(self.do("inspect", *names))
        return found

    @property
    def version(self) -> str:
        """Version of the engine itself."""
        return self.do("version", "--format", "{{.Server.Version}}")


@contextmanager
def any_engine(log: Path) -> Iterator[Engine]:
    """Use the engine that answers, or start one; what it says goes to ``log``.

    Raises
    ------
    NoEngineError
        If there is none and none can be started.
    """
    docker = shutil.which("docker")
    if docker is None:
        raise NoEngineError("docker is not installed")
    running = Engine(docker=docker, own=False, environment=_builder(docker))
    if running.try_("info").returncode == 0:
        yield running
        return
    dockerd = shutil.which("dockerd")
    if dockerd is None:
        raise NoEngineError("no container engine answers, and dockerd is not installed")
    if os.geteuid() != 0:
        raise NoEngineError("no container engine answers, and only root can start one")
    with _own_engine(docker, dockerd, log) as engine:
        yield engine


def _builder(docker: str) -> dict[str, str]:
    """Without buildx the client would refuse, or complain about, the builder that is its default."""
    has_buildx = subprocess.run([docker, "buildx", "version"], capture_output=True, check=False).returncode == 0
    return {} if has_buildx else {"DOCKER_BUILDKIT": "0"}


@contextmanager
def _own_engine(docker: str, dockerd: str, log: Path) -> Iterator[Engine]:
    if shutil.disk_usage(FOLDERS).free < NEEDED_BYTES:
        raise NoEngineError(f"an engine of our own needs {NEEDED_BYTES / 1e9:.0f} GB below {FOLDERS}")
    # A short path, since it becomes part of those of Unix sockets, which may have 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="tripcast-engine-", dir=FOLDERS))
    host = Host.now()
    socket = f"unix://{folder}/docker.sock"
    command = [
        "/bin/sh", "-c", AS_MANY_FILES, "sh", dockerd, "--host", socket, "--data-root", f"{folder}/data", "--exec-root", f"{folder}/exec",
        "--pidfile", f"{folder}/pid", "--bip", host.free_network(), *_cgroup_driver(),
    ]  # fmt: skip
    engine = Engine(docker=docker, own=True, environment={"DOCKER_HOST": socket, **_builder(docker)}, folder=folder)
    try:
        with log.open("wb") as output:
            # In a session of its own: Ctrl-C is for us, who stop it in the end.
            daemon = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)
        try:
            start_s = _wait_for(engine, daemon, log)
            if engine.do("info", "--format", "{{.Driver}}") == "vfs":
                raise NoEngineError("an engine would have to copy each layer of each image here (driver vfs)")
            yield replace(engine, start_s=start_s)
        finally:
            _stop(daemon)
    finally:
        end_below(folder)
        unmount_below(folder)
        # What somebody else still has open in there is told of later.
        shutil.rmtree(folder, ignore_errors=True)
        host.restore()


def _cgroup_driver() -> list[str]:
    """Without systemd as the first process nobody else makes the groups."""
    return [] if Path("/run/systemd/system").is_dir() else ["--exec-opt", "native.cgroupdriver=cgroupfs"]


def _wait_for(engine: Engine, daemon: "subprocess.Popen[bytes]", log: Path) -> float:
    started = time.monotonic()
    try:
        wait_until(lambda: daemon.poll() is not None or engine.try_("info").returncode == 0, timeout_s=START_TIMEOUT_S)
    except LateError:
        raise NoEngineError(f"dockerd does not answer within {START_TIMEOUT_S:g} s: {_last_line(log)}") from None
    if daemon.poll() is not None:
        raise NoEngineError(f"dockerd does not start here: {_last_line(log)}")
    return time.monotonic() - started


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    return lines[-1][-400:] if lines else "it said nothing"


def _stop(daemon: "subprocess.Popen[bytes]") -> None:
    daemon.terminate()
    try:
        daemon.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()


def unique(prefix: str) -> str:
    """Return a name that nobody else uses."""
    return f"{prefix}-{secrets.token_hex(3)}"


def left_by(engine: Engine) -> list[str]:
    """Return what there still is of an engine of our own that has ended, a line each."""
    if engine.folder is None:
        return []
    return [
        *(f"process {process.pid}" for process in processes_below(engine.folder)),
        *(f"mount {point}" for point in mounts_below(engine.folder)),
        *([f"folder {engine.folder}"] if engine.folder.exists() else []),
    ]
