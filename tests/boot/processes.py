"""What tests of real processes need: looking at them, waiting for them, asking them."""

import http.client
import time
from collections.abc import Callable

import psutil

from boot.local.ports import LOOPBACK
from tests.promises import LateError


def alive(pid: int) -> bool:
    """Tell whether a process runs; a zombie does not."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def descendants(pid: int) -> list[psutil.Process]:
    """Return all processes that ``pid`` has started, and those that these have."""
    return list(psutil.Process(pid).children(recursive=True))


def until(condition: Callable[[], object], *, timeout_s: float = 30.0) -> None:
    """Wait until ``condition`` holds."""
    give_up = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > give_up:
            raise LateError("the condition did not come about")
        time.sleep(0.02)


def get(port: int, path: str) -> int | None:
    """Return the status that a web server of this machine answers, None if there is no server."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except OSError:
        return None
    finally:
        connection.close()
