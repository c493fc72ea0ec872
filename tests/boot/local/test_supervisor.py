"""All children together: stopped in order, given up at the start only."""

import asyncio
import os
import signal
from functools import partial
from pathlib import Path

import pytest

from boot.local.console import Console
from boot.local.errors import LaunchError
from boot.local.supervisor import Supervisor
from tests.boot.local.conftest import Screen, python, until
from tests.boot.processes import alive

POLITE = """
import signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(print('bye')))
print('up')
while True: signal.pause()
"""


async def test_children_stop_in_order(tmp_path: Path, console: Console, screen: Screen) -> None:
    supervisor = Supervisor(console=console)
    names = {"broker": 2, "web": 0, "worker-1": 1, "worker-2": 1}
    children = [supervisor.start(python(POLITE, tmp_path, name=n, stop_order=o)) for n, o in names.items()]
    await until(lambda: screen.getvalue().count("up") == len(names))
    await supervisor.stop()

    stopped = [line.partition(" ")[0] for line in screen.lines() if line.endswith("bye")]
    assert (stopped[0], set(stopped[1:3]), stopped[3]) == ("web", {"worker-1", "worker-2"}, "broker")
    assert not any(alive(child.pid) for child in children if child.pid)


async def test_a_child_that_never_comes_up_is_a_failure(tmp_path: Path, console: Console) -> None:
    supervisor = Supervisor(console=console)
    supervisor.start(python(POLITE, tmp_path, name="web"))
    supervisor.start(python("raise SystemExit('no model')", tmp_path, name="worker-1"))

    with pytest.raises(LaunchError, match="worker-1 died 5 times in a row at its start: no model"):
        await asyncio.wait_for(supervisor.failure(), 60)
    await supervisor.stop()


async def test_once_all_is_up_no_child_is_given_up(tmp_path: Path, console: Console, screen: Screen) -> None:
    supervisor = Supervisor(console=console)
    child = supervisor.start(python(POLITE, tmp_path))
    child.attempts = 2
    await until(lambda: "up" in screen.getvalue())
    supervisor.settle()
    for life in (2, 3):
        assert child.pid is not None
        os.kill(child.pid, signal.SIGKILL)
        await until(partial(_lived, screen, life))
    await supervisor.stop()


def _lived(screen: Screen, lives: int) -> bool:
    return screen.getvalue().count("| up") == lives


async def test_stopping_twice_does_not_wait_for_a_stubborn_child(
    tmp_path: Path, console: Console, screen: Screen
) -> None:
    supervisor = Supervisor(console=console)
    script = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('up')\nwhile True: signal.pause()"
    child = supervisor.start(python(script, tmp_path, grace_s=60))
    await until(lambda: "up" in screen.getvalue())
    stopping = asyncio.create_task(supervisor.stop())
    supervisor.kill()
    await asyncio.wait_for(stopping, 30)

    assert child.pid is not None
    assert not alive(child.pid)
