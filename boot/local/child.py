"""A child process that is kept alive."""

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from boot.local.backoff import deaths_in_a_row, restart_delay_s
from boot.local.console import Console
from boot.local.errors import LaunchError
from boot.tether import tethered
from core.managers.retirement import RETIRING

POLL_S = 0.02
"""How often the launcher looks whether a child lives: the most that a restart is late."""
GROUP_GONE_S = 0.2
OUTPUT_DRAIN_S = 0.2
LINE_MAX_BYTES = 1024**2


@dataclass(frozen=True, kw_only=True)
class ChildSpec:
    """What to start, and how to stop it.

    Parameters
    ----------
    name : str
        In front of its lines.
    command : tuple of str
        Program and arguments.
    directory : Path
        Working directory.
    environment : Mapping of str to str
        Whole environment.
    stop_order : int
        Children of a lower number are stopped first.
    grace_s : float
        How long it may take to stop, before it is killed.
    pass_fds : tuple of int
        Open files that it inherits.
    """

    name: str
    command: tuple[str, ...]
    directory: Path
    environment: Mapping[str, str] = field(repr=False)
    stop_order: int = 0
    grace_s: float = 3.0
    pass_fds: tuple[int, ...] = ()


class Child:
    """Start a process, show its lines, start it again when it dies, until it is told to stop.

    It leads a session of its own: Ctrl-C reaches the launcher alone, which then stops its children in
    order, and what a child has started itself is found in its process group and killed with it.

    Parameters
    ----------
    spec : ChildSpec
        What to run.
    console : Console
        Where its lines go.
    """

    def __init__(self, spec: ChildSpec, *, console: Console) -> None:
        self.spec = spec
        self.pid: int | None = None
        self.attempts: int | None = None
        """Deaths in a row after which it is given up; None: never."""
        self._console = console
        self._stopping = asyncio.Event()
        self._killing = False
        self._last_line = ""
        self._retires = asyncio.Event()
        self._leaving: set[asyncio.Task[int]] = set()

    def stop(self) -> None:
        """Ask it to end; `keep_alive` returns when it has."""
        self._stopping.set()

    def kill(self) -> None:
        """End it without grace."""
        self._killing = True
        self._stopping.set()

    async def keep_alive(self) -> None:
        """Run the child until it is told to stop.

        Raises
        ------
        LaunchError
            If it died ``attempts`` times in a row.
        """
        try:
            await self._live_again_and_again()
        finally:
            await asyncio.gather(*self._leaving)

    async def _live_again_and_again(self) -> None:
        deaths = 0
        while not self._stopping.is_set():
            started = time.monotonic()
            status = await self._live_or_retire()
            if self._stopping.is_set():
                return
            if status is None:
                self._console.say(f"{self.spec.name} retires; starting its successor at once")
                continue
            deaths = deaths_in_a_row(deaths, lived_s=time.monotonic() - started)
            if self.attempts is not None and deaths >= self.attempts:
                raise LaunchError(f"{self.spec.name} died {deaths} times in a row at its start: {self._last_line}")
            await self._pause(deaths, status)

    async def _live_or_retire(self) -> int | None:
        """Run one life; return its exit status, or None once it retires: it then ends beside its successor."""
        self._retires.clear()
        life = asyncio.create_task(self._live(), name=f"{self.spec.name} lives")
        retires = asyncio.create_task(self._retires.wait(), name=f"{self.spec.name} retires")
        try:
            await asyncio.wait({life, retires}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            retires.cancel()
        if life.done():
            return life.result()
        self._leaving.add(life)
        life.add_done_callback(self._leaving.discard)
        return None

    async def _pause(self, deaths: int, status: int) -> None:
        """Wait before the next start, unless told to stop."""
        delay_s = restart_delay_s(deaths)
        when = f"in {delay_s:g} s" if delay_s else "at once"
        self._console.say(f"{self.spec.name} {describe_exit(status)}; starting it again {when}")
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), delay_s)

    async def _live(self) -> int:
        """Run one life of the child, from start to the end of its whole process group."""
        try:
            process = self._spawn()
        except OSError as error:  # The machine is out of processes or memory: that may pass.
            self._last_line = f"cannot be started: {error.strerror}"
            self._console.line(self.spec.name, self._last_line)
            return 1
        self.pid = process.pid
        output = asyncio.create_task(self._show(process))
        status = await self._end(process)
        await end_group(process.pid)
        await asyncio.wait({output}, timeout=OUTPUT_DRAIN_S)
        output.cancel()
        await asyncio.gather(output, return_exceptions=True)
        return status

    def _spawn(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603 (our own command)
            tethered(self.spec.command),
            cwd=self.spec.directory,
            env=self.spec.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=self.spec.pass_fds,
        )

    async def _end(self, process: subprocess.Popen[bytes]) -> int:
        """Wait for the process to end; once told to stop, end it."""
        asked_at: float | None = None
        while (status := process.poll()) is None:
            if self._stopping.is_set() and asked_at is None:
                process.terminate()
                asked_at = time.monotonic()
            if self._killing or (asked_at is not None and time.monotonic() - asked_at > self.spec.grace_s):
                process.kill()
            await asyncio.sleep(POLL_S)
        return status

    async def _show(self, process: subprocess.Popen[bytes]) -> None:
        """Show the process's lines until its output ends."""
        assert process.stdout is not None  # noqa: S101 (we asked for a pipe)
        reader = asyncio.StreamReader(limit=LINE_MAX_BYTES)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), process.stdout
        )
        try:
            while line := await _line(reader):
                text = line.decode(errors="replace").rstrip()
                self._last_line = text or self._last_line
                if RETIRING in text:
                    self._retires.set()
                self._console.line(self.spec.name, text)
        finally:
            transport.close()


async def _line(reader: asyncio.StreamReader) -> bytes:
    """Return the next line; a piece of it where it is longer than the buffer."""
    try:
        return await reader.readuntil(b"\n")
    except asyncio.IncompleteReadError as end:
        return end.partial
    except asyncio.LimitOverrunError as long:
        return await reader.read(long.consumed)


async def end_group(group: int) -> None:
    """Kill what is left of a process group and wait a moment until it is gone."""
    give_up = time.monotonic() + GROUP_GONE_S
    while time.monotonic() < give_up:
        try:
            os.killpg(group, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            # macOS answers EPERM for a group of which only zombies are left.
            return
        await asyncio.sleep(POLL_S)


def describe_exit(status: int) -> str:
    """Say how a process ended, from its return code.

    Examples
    --------
    >>> describe_exit(-9), describe_exit(1)
    ('was killed by SIGKILL', 'exited with status 1')
    """
    if status >= 0:
        return f"exited with status {status}"
    try:
        return f"was killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"was killed by signal {-status}"
