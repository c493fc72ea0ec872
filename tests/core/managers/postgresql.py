"""A PostgreSQL server of its own, where the machine has one."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.processes import free_port

USER = "nobody"


def _program(name: str) -> str:
    found = shutil.which(name) or next(map(str, Path("/usr/lib/postgresql").glob(f"*/bin/{name}")), None)
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"PostgreSQL's {name} is not there")
        pytest.skip(f"needs PostgreSQL's {name}")
    return found


def _run(*command: str) -> None:
    """Run a command; PostgreSQL refuses to run as root."""
    account = {"user": USER} if os.geteuid() == 0 else {}
    subprocess.run(command, check=True, capture_output=True, cwd="/", **account)  # type: ignore[call-overload]


@contextmanager
def postgresql() -> Iterator[str]:
    """Yield the URL of an empty database on a new server in a folder of its own."""
    initdb, pg_ctl, port = _program("initdb"), _program("pg_ctl"), free_port()
    # Not in pytest's folder: that is closed to other accounts.
    folder = Path(tempfile.mkdtemp(prefix="tripcast-pg-"))
    if os.geteuid() == 0:
        os.chown(folder, pwd.getpwnam(USER).pw_uid, -1)
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
    try:
        _run(initdb, "-D", str(folder / "db"), "-U", "me", "-A", "trust", "--no-sync")
        _run(pg_ctl, "-D", str(folder / "db"), "-w", "-l", str(folder / "log"), "-o", options, "start")
        try:
            yield f"postgresql://me@127.0.0.1:{port}/postgres"
        finally:
            _run(pg_ctl, "-D", str(folder / "db"), "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


@contextmanager
def database(kind: str, folder: Path) -> Iterator[str]:
    """Yield the URL of an empty database: a file of SQLite in ``folder``, or one on a new server of PostgreSQL."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'runs.sqlite'}"
    else:
        with postgresql() as url:
            yield url
