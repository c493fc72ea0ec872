"""A PostgreSQL server of our own, where the machine has one: it takes seconds to make, so a test process has one."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from itertools import count
from pathlib import Path

import psycopg
import pytest

from tests.e2e.processes import free_port

USER = "nobody"
_RUNNING = ExitStack()
_NUMBERS = count()


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
def _server() -> Iterator[str]:
    """Run a server in a folder of its own; yield its URL, without a database."""
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
            yield f"postgresql://me@127.0.0.1:{port}"
        finally:
            _run(pg_ctl, "-D", str(folder / "db"), "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


@cache
def _server_url() -> str:
    return _RUNNING.enter_context(_server())


def stop_postgresql() -> None:
    """Stop the server if one runs; whoever needs one after that gets another."""
    _server_url.cache_clear()
    _RUNNING.close()


@contextmanager
def postgresql() -> Iterator[str]:
    """Yield the URL of an empty database of its own."""
    server, name = _server_url(), f"test_{next(_NUMBERS)}"
    _execute(server, f"create database {name}")
    try:
        yield f"{server}/{name}"
    finally:
        _execute(server, f"drop database {name} with (force)")


def _execute(server: str, statement: str) -> None:
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(statement.encode())


@contextmanager
def database(kind: str, folder: Path) -> Iterator[str]:
    """Yield the URL of an empty database: a file of SQLite in ``folder``, or one of PostgreSQL."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'runs.sqlite'}"
    else:
        with postgresql() as url:
            yield url
