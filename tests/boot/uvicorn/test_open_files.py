"""The web server where a process may have few files open, as in a login or a container it may."""

import resource
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from boot.local.ports import LOOPBACK
from tests.e2e.processes import create_stack, running, wait_until

FEW = 128
CALLERS = 180
WEB = (sys.executable, "-m", "gunicorn", "-c", "boot/uvicorn/config.py")
ASK = b"GET /health/live HTTP/1.1\r\nHost: test\r\n\r\n"
RAISE = "from boot.uvicorn.open_files import allow_many_open_files; print(allow_many_open_files())"


def limited(*command: str, soft: int, hard: int | None = None) -> tuple[str, ...]:
    """Return a command that starts with a limit of open files."""
    limits = f"ulimit -S -n {soft}" + (f" && ulimit -H -n {hard}" if hard else "")
    return ("sh", "-c", f'{limits} && exec "$@"', "sh", *command)


def ask(connection: socket.socket) -> bytes:
    """Ask on a connection that stays open; return the beginning of the answer."""
    connection.sendall(ASK)
    return connection.recv(12)


@pytest.mark.e2e
@pytest.mark.skipif(resource.getrlimit(resource.RLIMIT_NOFILE)[0] < 2 * CALLERS, reason="the callers are as many files")
def test_more_callers_than_the_soft_limit_has_files_are_answered(tmp_path: Path) -> None:
    stack = create_stack(tmp_path)
    log = tmp_path / "web.log"
    with ExitStack() as parts:
        parts.enter_context(running(*limited(*WEB, soft=FEW), log=log, env=stack.env(), politely=False))
        wait_until(lambda: stack.status("/health/live") == 200, what="the web server is live")
        address = (LOOPBACK, stack.http_port)
        connections = [parts.enter_context(socket.create_connection(address, timeout=30)) for _ in range(CALLERS)]
        assert {ask(connection) for connection in connections} == {b"HTTP/1.1 200"}


@pytest.mark.parametrize(("soft", "hard", "raised"), [(100, 200, 200), (200, 200, 200)])
def test_the_limit_goes_as_far_as_it_may(soft: int, hard: int, raised: int) -> None:
    command = limited(sys.executable, "-c", RAISE, soft=soft, hard=hard)
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(done.stdout) == raised
