"""A folder that one launcher at a time may use."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from boot.local.errors import LaunchError
from core.managers.local_system import LOCK

WAIT_S = 3.0
"""How long a launcher waits for the broker of the one before it to end."""
_RETRY_S = 0.05


@contextmanager
def exclusive(directory: Path, *, wait_s: float = WAIT_S) -> Iterator[int]:
    """Hold ``directory`` alone, through a lock on the file ``lock`` in it.

    The lock belongs to the open file, so a child that inherits it (the broker) holds it too: even if the
    launcher is killed, no second broker can touch the data of a first that still lives.

    Yields
    ------
    int
        The open file, to be inherited.

    Raises
    ------
    LaunchError
        If another launcher or its broker still holds the folder after ``wait_s`` seconds, or it cannot be
        written to.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        fd = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    except OSError as error:
        raise LaunchError(f"Cannot keep the broker's data in {directory}: {error.strerror}") from error
    try:
        _acquire(fd, directory, give_up=time.monotonic() + wait_s)
        os.truncate(fd, 0)
        os.pwrite(fd, str(os.getpid()).encode(), 0)
        yield fd
    finally:
        os.close(fd)


def _acquire(fd: int, directory: Path, *, give_up: float) -> None:
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > give_up:
                owner = os.pread(fd, 32, 0).decode(errors="replace") or "unknown"
                raise LaunchError(f"Already running: process {owner} uses {directory}. Stop it first.") from None
            time.sleep(_RETRY_S)
        else:
            return
